"""Reads event files with TensorBoard itself and prints what it finds.

    ANYGRAD_EVENTS=/tmp/events cargo test -p anygrad-train --test logs event_files
    python tests/interop/tensorboard_check.py /tmp/events/first

needs `pip install tensorboard`. With no argument but --expect the values of that test are compared, too.
"""

import struct
import sys
import zlib

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import metadata as hparams


def pixels_of(png):
    """The size and the raw rows of a PNG without filters."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + body), kind
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            data += body
        at += 12 + length
    return width, height, zlib.decompress(data)


def main(folder, expect):
    events = event_accumulator.EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    for tag in tags["scalars"]:
        print("scalar", tag, [(e.step, round(e.value, 6)) for e in events.Scalars(tag)])
    for tag in tags["histograms"]:
        for e in events.Histograms(tag):
            h = e.histogram_value
            print("histogram", tag, e.step, "num", h.num, "min", h.min, "max", h.max, "sum", round(h.sum, 6), "buckets", len(h.bucket))
            assert len(h.bucket) == len(h.bucket_limit) and sum(h.bucket) == h.num
    for tag in tags["images"]:
        for e in events.Images(tag):
            width, height, rows = pixels_of(e.encoded_image_string)
            assert (width, height) == (e.width, e.height)
            print("image", tag, e.step, f"{width}x{height}", len(rows), "bytes")
    for tag in tags["tensors"]:
        for e in events.Tensors(tag):
            print("text", tag, e.step, [s.decode() for s in e.tensor_proto.string_val])
    found = {}
    for tag in (hparams.EXPERIMENT_TAG, hparams.SESSION_START_INFO_TAG, hparams.SESSION_END_INFO_TAG):
        content = events._plugin_to_tag_to_content.get("hparams", {}).get(tag)
        if content is not None:
            found[tag] = content
    if found:
        experiment = hparams.parse_experiment_plugin_data(found[hparams.EXPERIMENT_TAG])
        start = hparams.parse_session_start_info_plugin_data(found[hparams.SESSION_START_INFO_TAG])
        end = hparams.parse_session_end_info_plugin_data(found[hparams.SESSION_END_INFO_TAG])
        print("hparams", [(h.name, h.type) for h in experiment.hparam_infos], [m.name.tag for m in experiment.metric_infos])
        print("session", sorted((k, v.WhichOneof("kind")) for k, v in start.hparams.items()), "status", end.status)
    if expect:
        assert [(e.step, e.value) for e in events.Scalars("loss")][:3] == [(0, 1.0), (1, 0.5), (2, struct.unpack("f", struct.pack("f", 1 / 3))[0])]
        # the writer that went on at step 3 made TensorBoard forget the old steps 3 and 4
        assert [(e.step, e.value) for e in events.Scalars("loss")][3:] == [(3, 7.0)]
        assert found
        print("as expected")


main(sys.argv[1], "--expect" in sys.argv)
