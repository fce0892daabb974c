"""`Manifest.streaming` as table rows."""

from edgekit.runtime.build_folder.streaming_rows import delay_rows, time_rows

STREAMING = {
    "outputs": [
        {"name": "y", "delay_samples": 1600, "caused_by": "Conv 'a'"},
        {"name": "z", "delay_samples": 0, "caused_by": None},
    ],
    "tensors": [
        {"name": "h", "node": None, "axis": 2, "rate": "1/64", "delay_frames": 3, "state_bytes": 0},
        {"name": "k", "node": "a", "axis": 1, "rate": "1", "delay_frames": 0, "state_bytes": 4096},
    ],
}


def test_delays_have_milliseconds_where_the_rate_is_known() -> None:
    assert delay_rows(STREAMING, 16000) == [("y", "1,600", "100", "Conv 'a'"), ("z", "0", "0", "")]
    assert delay_rows(STREAMING, None)[0][2] == ""


def test_states_have_their_bytes() -> None:
    first, second = time_rows(STREAMING)
    assert first == ("h", "", "2", "1/64", "3", "") and second[-1] == "4,096"
