# SPDX-License-Identifier: MIT
"""Random DRAM devices: timing, controller and address map."""

ADDRESS_BITS = 34  # 16 GiB: more than any case takes


def around(dice, typical):
    return max(1, dice.between(typical // 2, typical * 3 // 2))


def timing(dice, burst, ranks):
    """Draws timing around that of DDR4-2400, each number on its own between half and half as much again."""
    cwl, rcd, rp, ras, wr = (around(dice, n) for n in (12, 17, 17, 39, 18))
    ccd, rrd, wtr = burst + dice.skewed(0, 4), around(dice, 4), dice.between(0, 6)
    t = {"CL": max(around(dice, 17), cwl), "CWL": cwl, "BL/2": burst, "tRCD": rcd, "tRP": rp, "tRAS": ras,
         "tRC": ras + dice.between(0, 30), "tCCD_S": ccd, "tCCD_L": ccd + dice.skewed(0, 4), "tRRD_S": rrd,
         "tRRD_L": rrd + dice.skewed(0, 4), "tFAW": around(dice, 26), "tWTR_S": wtr, "tWTR_L": wtr + dice.between(0, 8),
         "tWR": wr, "tRTP": around(dice, 9), "tRFC": dice.skewed(0, 600)}
    longest = t["tRFC"] + max(ras, rcd + cwl + burst + wr) + rp
    # Some are too short and refused; those just long enough are the ones that matter.
    t["tREFI"] = 0 if dice.chance(0.15) else longest + 1 + dice.pick([0, ranks * 100, ranks * 250]) + dice.skewed(0, 9000)
    dice.maybe(t, "tCCD_L_WR", 0.5, lambda: ccd + dice.skewed(0, 20))
    dice.maybe(t, "tPPD", 0.3, lambda: dice.between(0, 4))
    dice.maybe(t, "tRTRS", 0.5, lambda: dice.between(0, 4))
    dice.maybe(t, "tRTW", 0.5, lambda: dice.between(0, 6))
    dice.maybe(t, "activate_slots", 0.3, lambda: dice.between(1, 4))
    dice.maybe(t, "column_slots", 0.3, lambda: dice.between(1, 4))
    return t


def controller(dice):
    writes = dice.skewed(1, 64)
    high = dice.between(1, writes)
    return {"read_queue": dice.skewed(1, 64), "write_queue": writes, "write_high_watermark": high,
            "write_low_watermark": dice.between(0, high - 1), "starvation_cycles": dice.skewed(1, 8000),
            "page_policy": dice.pick(["open", "closed"])}


def listed(bits):
    return ",".join(str(bit) for bit in bits)


def address_map(dice, device):
    """Deals the address bits from 6 up to the coordinates, in random order, and XORs some with bits of the row."""
    turns = dice.chance(0.5)
    m = {"channel_interleave": 64 << dice.between(0, 6)} if turns else {}
    fields = {"column": device["row_size"] // 64, "bank_group": device["bank_groups"],
              "bank": device["banks_per_group"], "rank": device["ranks"],
              "channel": 1 if turns else device["channels"]}
    widths = {name: count.bit_length() - 1 for name, count in fields.items()}
    end = 6 + sum(widths.values()) if dice.chance(0.7) else ADDRESS_BITS  # rows come last mostly, as in real machines
    low = dice.shuffled(range(6, end)) if dice.chance(0.5) else list(range(6, end))
    xors = {}
    for name, width in widths.items():
        bits, low = low[:width], low[width:]
        if bits:
            m[name] = listed(bits)
        if bits and dice.chance(0.05 if name == "column" else 0.3):
            xors[name] = [str(ADDRESS_BITS - 1 - dice.between(0, 7)) for _ in bits]
    rows = sorted(low) + list(range(end, ADDRESS_BITS))
    m["row"] = listed(rows)
    if dice.chance(0.05):  # each of the lower half with one of the upper half
        half = len(rows) // 2
        xors["row"] = [str(bit) for bit in rows[-half:]] + [""] * (len(rows) - half)
    if xors:
        m["xor"] = xors
    return m


def random_device(dice):
    burst = dice.pick([2, 4, 4, 8, 16])
    d = {"tck_ps": dice.between(300, 1500), "channels": 1 << dice.between(0, 2), "channel_bits": 256 // burst,
         "ranks": 1 << dice.between(0, 2), "bank_groups": 1 << dice.between(0, 3),
         "banks_per_group": 1 << dice.between(0, 2), "row_size": 512 << dice.between(0, 5)}
    d["timing_cycles"] = timing(dice, burst, d["ranks"])
    dice.maybe(d, "controller", 0.8, lambda: controller(dice))
    d["address_map"] = address_map(dice, d)
    return d
