"""What holds for the whole project and people may change: settings by name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select

from db.checks import storable_json
from db.engine import Database
from db.schema import SettingRow


class Settings(Database):
    """The part of the store that holds settings: plain JSON, each known by its name."""

    def setting(self, key: str, default: Any = None) -> Any:
        """The setting's value; `default` where nobody has set it."""
        with self.read() as connection:
            found = connection.execute(select(SettingRow.value).where(SettingRow.key == key)).first()
        return default if found is None else found.value

    def set_setting(self, key: str, value: Any) -> None:
        """Set it; None takes it back, so that the default holds again.

        Raises:
            RecordError: the value is not plain JSON.
        """
        plain = storable_json({key: value}, f"The setting '{key}'")
        with self.write() as connection:
            connection.execute(delete(SettingRow).where(SettingRow.key == key))
            if value is not None:
                connection.execute(insert(SettingRow).values(key=key, value=plain[key]))
