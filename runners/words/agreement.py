"""What was made sure of the results of a cell, in words."""

WHY_NOT = {
    "any": "they may differ from run to run",
    "empty": "every task returned None",
    "none": "as was set",
}
"""Why results were not compared; a setting by which they are not speaks for itself."""


def agreement(compared: str | None, checked: bool | None, baseline: str) -> tuple[str, str]:
    """What is known of the results, and why it is not more, or "".

    `compared` and `checked` are the columns of these names, None where an older version did not say
    it; `baseline` is what the results were compared with, as in "equal to serial".
    """
    match compared:
        case None:
            return "not known", "the rows do not say what was compared"
        case "equal" | "same":
            what = f"{'equal to' if compared == 'equal' else 'agree with'} {baseline}"
            return f"{what}, checked" if checked else what, ""
        case "part":
            what = f"in part equal to {baseline}"
            return f"{what}, checked" if checked else what, f"{baseline} has not all the tasks"
        case "empty" if not checked:
            return "nothing to compare", WHY_NOT["empty"]
        case _:
            what = "checked, not compared" if checked else "not compared"
            return what, WHY_NOT.get(compared, compared)
