"""How long something takes, as people read it."""


def format_duration(seconds: float | None) -> str:
    """ "2 h 05 min", "3 min 20 s", "12 s"; "?" where it cannot be known."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole} s"
