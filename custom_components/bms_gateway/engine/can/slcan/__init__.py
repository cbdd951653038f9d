"""Serial CAN adapters that speak LAWICEL's protocol (slcan)."""
