"""WebVTT and SRT: as the libraries webvtt-py and srt read them, and text that is damaged."""

import datetime

import pytest
from helpers.interchange import FORMATS, by_time, segments
from helpers.thorough import examples
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.interchange import read_srt, read_vtt, write_srt, write_vtt

VTT, SRT = (write_vtt, read_vtt, ".vtt"), (write_srt, read_srt, ".srt")
OVERLAP = Segments.from_list(
    [[("b & <i>", 3600.5, 3602.0, 0.25), ("a --> b", 0.0, 2.5), ("run", 1.0, 3.0, 0.5)]], ids=["v"]
)


def read(tmp_path, text, form):
    (tmp_path / f"v{form[2]}").write_bytes(text.encode())
    return form[1](tmp_path)


def test_text(tmp_path):
    write_vtt(OVERLAP, tmp_path)
    assert (tmp_path / "v.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\na --&gt; b\n\n"
        "00:00:01.000 --> 00:00:03.000\nrun\nscore: 0.5\n\n"
        "01:00:00.500 --> 01:00:02.000\nb &amp; &lt;i&gt;\nscore: 0.25\n"
    )
    write_srt(OVERLAP, tmp_path)
    assert (tmp_path / "v.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:02,500\na --&gt; b\n\n"
        "2\n00:00:01,000 --> 00:00:03,000\nrun\nscore: 0.5\n\n"
        "3\n01:00:00,500 --> 01:00:02,000\nb & &lt;i>\nscore: 0.25\n"
    )


@pytest.mark.parametrize("form", [VTT, SRT])
def test_scores_are_optional(tmp_path, form):
    form[0](OVERLAP, tmp_path, scores=False)
    back = form[1](tmp_path)
    assert [s[:3] for s in back[0]] == [s[:3] for s in by_time(OVERLAP)[0]]
    assert "score" not in (tmp_path / f"v{form[2]}").read_text()


@pytest.mark.slow
@examples(25)
@given(data=st.data())
def test_webvtt_py_reads_it(tmp_path_factory, data):
    webvtt = pytest.importorskip("webvtt")
    y = data.draw(segments(FORMATS["vtt"]))[:1]
    folder = tmp_path_factory.mktemp("vtt")
    write_vtt(y, folder)
    cues = webvtt.read(folder / f"{y.ids[0]}.vtt")
    assert len(cues) == len(y[0])
    expected = [(round(s.start * 1000), round(s.end * 1000)) for s in by_time(y)[0]]
    found = [
        [((t.hours * 60 + t.minutes) * 60 + t.seconds) * 1000 + t.milliseconds for t in times]
        for times in ((cue.start_time, cue.end_time) for cue in cues)
    ]
    assert [tuple(times) for times in found] == expected
    assert {cue.lines[0] for cue in cues} == {_escaped(s.label) for s in y[0]}
    assert all(len(cue.lines) in (1, 2) for cue in cues)


def _escaped(label):
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@examples(25)
@given(data=st.data())
def test_srt_reads_it(tmp_path_factory, data):
    srt = pytest.importorskip("srt")
    y = data.draw(segments(FORMATS["srt"]))[:1]
    folder = tmp_path_factory.mktemp("srt")
    write_srt(y, folder)
    cues = list(srt.parse((folder / f"{y.ids[0]}.srt").read_text(encoding="utf-8")))
    assert [cue.index for cue in cues] == list(range(1, len(y[0]) + 1))
    ms = datetime.timedelta(milliseconds=1)
    expected = [(round(s.start * 1000), round(s.end * 1000)) for s in by_time(y)[0]]
    assert [(cue.start // ms, cue.end // ms) for cue in cues] == expected
    plain = {s.label for s in y[0] if not set("&<>") & set(s.label)}
    assert plain <= {cue.content.split("\n")[0] for cue in cues}


@pytest.mark.parametrize("form", [VTT, SRT], ids=["vtt", "srt"])
@pytest.mark.parametrize("label", [" ", " a", "a\t", "a\nb", "a\rb", "a\u2028b", "a\0b"])
def test_labels_that_are_not_one_line(tmp_path, form, label):
    y = Segments.from_list([[(label + "!"[: label.endswith("\0")], 0.0, 1.0)]], ids=["v"])
    with pytest.raises(ValueError, match=r"Label .* of v cannot stand in a \.(vtt|srt) file"):
        form[0](y, tmp_path)


def test_vtt_of_others(tmp_path):
    text = (
        "\ufeffWEBVTT - made by hand\r\nKind: captions\r\n\r\nNOTE\r\na comment\r\n\r\n"
        "STYLE\r\n::cue { color: red }\r\n\r\nfirst\r\n01:00.500 --> 100:00:02.000 line:0\r\n"
        "<v Ann>Hello &amp;\r\n<i>you</i>&nbsp;\r\n\r\n\r\n00:01.000 --> 00:02.000\r\n..."
    )
    expected = [[("Hello &\nyou\xa0", 60.5, 360002.0), ("...", 1.0, 2.0)]]
    assert read(tmp_path, text, VTT) == Segments.from_list(expected, ids=["v"])


def test_srt_of_others(tmp_path):
    text = (
        "\n1\n00:00:01,000 --> 00:00:02,000 X1:0\n<font color='red'>Hello</font>\n<b>you</b>\n \n"
        "00:00:03.000-->00:00:04,000\nscore: 3\n\n3\n00:00:05,000 --> 00:00:06,000\na\nscore: 3\n"
    )
    expected = [[("Hello\nyou", 1.0, 2.0), ("score: 3", 3.0, 4.0), ("a", 5.0, 6.0, 3.0)]]
    assert read(tmp_path, text, SRT) == Segments.from_list(expected, ids=["v"])


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        (VTT, "", "line 1: ''; expected WEBVTT"),
        (VTT, "WEBVTTX\n", "line 1: 'WEBVTTX'; expected WEBVTT"),
        (VTT, "WEBVTT\n\nhello\n", "line 3: 'hello'; expected the times of a cue"),
        (VTT, "WEBVTT\n\nx\n00:01 --> 00:02\nhello\n", "line 4: '00:01 --> 00:02'; expected the t"),
        (VTT, "WEBVTT\n\n00:61.000 --> 02:00.000\na\n", "line 3: .*expected the times"),
        (VTT, "WEBVTT\n\n00:02.000 --> 00:02.000\na\n", "line 3: expected finite times with start"),
        (
            VTT,
            "WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:02.000 --> 00:03.000\n",
            "line 3: '-->' in",
        ),
        (SRT, "hello\n", "line 1: 'hello'; expected the times of a cue"),
        (SRT, "1\n\n00:00:01,000 --> 00:00:02,000\na\n", "line 1: '1'; expected the times"),
        (SRT, "\n1\n00:00:01 --> 00:00:02\na\n", "line 3: '00:00:01 --> 00:00:02'; expected the t"),
        (SRT, "1\n00:00:03,000 --> 00:00:02,000\na\n", "line 2: expected finite times with start"),
    ],
)
def test_damaged(tmp_path, form, text, message):
    with pytest.raises(ValueError, match=rf"v\{form[2]}, {message}"):
        read(tmp_path, text, form)
