"""Functions of a build refuse what they promise to refuse."""

import pytest
from proof_programs import problems_of

ALIGNED = "(uintptr_t)scratch % SPECTRAL_ALIGN != 0"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("        || in->pcm == NULL\n", "", "spectral_process: it does not test in->pcm == NULL"),
        ("in == NULL || ", "", "spectral_process: it does not test in == NULL"),
        (f"|| {ALIGNED}\n        || in", "|| in", f"it does not test {ALIGNED}"),
        ("pcm == NULL || out == NULL", "pcm == NULL", "process_s16: it does not test out == NULL"),
        ("state == NULL || ", "", "spectral_init: it does not test state == NULL"),
        ("size < SPECTRAL_STATE_BYTES", "size < 1", "it does not test size < SPECTRAL_STATE_BYTES"),
        ("return -1;", "return 0;", "it does not test"),
        ("return NULL;", "return net;", "spectral_init: it does not test"),
        ("    return 0;\n}", "    return 1;\n}", "does not end with the result"),
        (
            "        return NULL;\n    }\n",
            "        return NULL;\n    }\n    return NULL;\n",
            "spectral_init",
        ),
        (
            "    const spectral_inputs in = {x};",
            "    if (status != 0) { return 0; }\n    const spectral_inputs in = {x};",
            "spectral_process_s16",
        ),
    ],
)
def test_a_guard_without_one_of_its_tests_is_found(old: str, new: str, expected: str) -> None:
    assert expected in problems_of("spectral-w8a8", (old, new))


def test_blocks_are_aligned() -> None:
    found = problems_of("spectral-w8a8", ("_ALIGN 16u", "_ALIGN 4u"), file="h")
    assert "aligned to less than 16 bytes" in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    spectral_reset(net);\n", ""),
        ("    memset(st + 128, 255, 17); /* h: zero point */\n", ""),
        ("memset(st + 128, 255, 17)", "memset(st + 128, 254, 17)"),
        ("memset(st + 128, 255, 17)", "memset(st + 128, 255, 16)"),
        ("memset(st, 0, 160u)", "memset(st, 1, 160u)"),
        ("    memset(st, 0, 160u);\n", ""),
    ],
)
def test_a_new_stream_begins_with_zero_points(old: str, new: str) -> None:
    assert "of state are not as they should be" in problems_of("spectral-w8a8", (old, new))


READY = "    {\n        int32_t ready;\n        memcpy(&ready, (const unsigned char *)net + 128, sizeof ready);\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("const int32_t ready = 1;", "const int32_t ready = 0;"),
        (
            "    memcpy((unsigned char *)net + 128, &ready, sizeof ready);\n    return 0;",
            "    return 0;",
        ),
        ("    memset(state, 0, SESSION_STATE_BYTES);\n", ""),
        (f"{READY}        if (ready == 0) {{\n            return -2;\n        }}\n    }}\n", ""),
        ("return -2;", "return 0;"),
        ("(const unsigned char *)net + 128", "(const unsigned char *)net + 124"),
        ("(unsigned char *)net + 64, &missing", "(unsigned char *)net + 60, &missing"),
    ],
)
def test_a_hop_needs_a_session(old: str, new: str) -> None:
    assert problems_of("session-w8a8", (old, new))
