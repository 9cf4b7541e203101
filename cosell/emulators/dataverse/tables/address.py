"""The address block that accounts, contacts and leads share, once per address number."""

from cosell.emulators.dataverse.tables.columns import Field, double, guid, read_only, text


def address(number: int) -> tuple[Field, ...]:
    """Return the columns `address{number}_…`."""
    p = f"Address{number}_"
    return (
        read_only(guid(f"{p}AddressId")),
        text(f"{p}Name", 200),
        text(f"{p}Line1", 250),
        text(f"{p}Line2", 250),
        text(f"{p}Line3", 250),
        text(f"{p}City", 80),
        text(f"{p}County", 50),
        text(f"{p}StateOrProvince", 50),
        text(f"{p}PostalCode", 20),
        text(f"{p}Country", 80),
        text(f"{p}PostOfficeBox", 20),
        text(f"{p}Telephone1", 50),
        text(f"{p}Fax", 50),
        double(f"{p}Latitude", -90, 90),
        double(f"{p}Longitude", -180, 180),
        read_only(text(f"{p}Composite", 1000)),
    )
