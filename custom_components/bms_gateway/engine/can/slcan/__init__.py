"""Serial CAN adapters with LAWICEL's protocol (slcan)."""
