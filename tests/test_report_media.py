import pytest

from sklearn_asn._report._media import link, link_videos


def test_links(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert link("a b#1?.mp4", tmp_path) == "a%20b%231%3F.mp4"
    assert link(tmp_path / "deep" / "é.mp4", tmp_path) == "deep/%C3%A9.mp4"
    assert link("a:b.mp4", tmp_path) == "a%3Ab.mp4"  # no scheme
    assert link("../x.mp4", tmp_path) == (tmp_path.parent / "x.mp4").as_uri()
    assert link("file:///data/x%20y.mp4", tmp_path) == "file:///data/x%20y.mp4"
    assert (
        link('https://host:81/a"<b>.mp4?k=1#t=5', tmp_path) == "https://host:81/a%22%3Cb%3E.mp4?k=1"
    )
    for bad in (
        "javascript://x/%0aalert(1)",
        "ftp://host/x",
        "https:///x",
        "http://h;x y/",
        5,
        "",
        b"x",
    ):
        with pytest.raises(ValueError, match=r"videos\[2\] is "):
            link(bad, tmp_path, 2)
    (tmp_path / "b.mp4").touch()
    assert link_videos(None, 2, None, tmp_path) == [None, None]
    assert link_videos({"b": "b.mp4"}, 2, ["a", "b"], tmp_path) == [None, "b.mp4"]
    assert link_videos([None, "b.mp4"], 2, None, tmp_path) == [None, "b.mp4"]
