"""Profile `pylontech_plus`: Pylontech 1.2 with the frames of "Pylon V2".

GoodWe, Studer, Schneider and SRNE are reported with this set only. It is Pylontech's
telegram, followed by what Victron's protocol adds to it:

- 0x35A repeats the alarms of 0x359 in pairs. An alarm that is not raised is cleared
  explicitly: without that a receiver would hold it.
- 0x370 holds numbers here, not Victron's name. 0x371 would hold the numbers of the cells
  (YAM, SEP): it is not sent, as batteries name their cells by texts.
- 0x374 to 0x377 name cells as the batteries number them; they are left out if none does.
"""

from functools import partial
from typing import Final

from ..frames import CELL_IDS, IDENTITY, MODULES_ONLINE, TEMPERATURES_AND_CELLS
from .pylontech import PYLONTECH
from .rows import Row, fill, fill_if_known, fill_pairs

CELL_ID_ROWS: Final = tuple(
    Row(can_id, 8, partial(fill_if_known, (field,)))
    for can_id, field in CELL_IDS.items()
)

PYLONTECH_PLUS: Final = (
    *PYLONTECH,
    Row(0x35A, 8, fill_pairs),  # YAM
    Row(0x35F, 8, partial(fill, IDENTITY)),  # YAM
    Row(0x370, 8, partial(fill_if_known, TEMPERATURES_AND_CELLS)),  # YAM, SEP
    Row(0x372, 8, partial(fill_if_known, MODULES_ONLINE)),  # YAM
    *CELL_ID_ROWS,  # YAM
)
