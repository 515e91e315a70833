"""The picture of the rooms is that of today's contract and imports."""

from docs import rooms


def test_the_picture_is_up_to_date() -> None:
    """`python docs/rooms.py` draws it anew."""
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.draw()


def test_the_table_of_floors_is_that_of_the_contract() -> None:
    page = (rooms.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    plan = rooms.floors()
    assert len(plan) <= 13
    for i, floor in enumerate(plan):
        for room in floor:
            names = (f"`mcucc/{room}/`", f"`mcucc/{room}.py`")
            lines = [line for line in page.splitlines() if line.startswith(f"| {len(plan) - i} |")]
            assert any(name in line for line in lines for name in names), room
