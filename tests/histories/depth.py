"""How deep the machines dig: a little in every run of the tests, more with `make histories`."""

from hypothesis import HealthCheck, Phase, settings

DEEP = "deep"


def depth(examples: int, steps: int) -> settings:
    """Return the settings of a machine: so many examples, always the same; with the profile `deep` many, by chance."""
    deep = settings.get_current_profile_name() == DEEP
    return settings(
        max_examples=examples * 30 if deep else examples,
        stateful_step_count=steps * 3 if deep else steps,
        derandomize=not deep,
        database=None,
        phases=tuple(Phase) if deep else (Phase.explicit, Phase.generate),  # what fails is told whole, and soon
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
