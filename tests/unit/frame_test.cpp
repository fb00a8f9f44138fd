// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Frames with a start, a length and a checksum, as the configuration describes them.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "framed.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using namespace std::string_literals;
using record::Framing;
using testing::ElementsAre;

Framing frames(const std::string& frame, const std::string& more = {})
{
    ConfigBuilder builder("/nowhere");
    builder.add("[[channel]]\nname = \"way\"\ndevice = \"/dev/x\"\nrecords = \"frames\"\nframe = { " + frame + " }\n" +
                    more,
                "test.toml");
    return builder.config().channel("way").device->framing;
}

Framing tuya()
{
    return frames("start = [0x55, 0xaa], length = { at = 4, size = 2, order = \"big\", counts = \"payload\" }, "
                  "checksum = { type = \"sum8\" }");
}

const std::string kTuyaFrame = "\x55\xaa\x03\x07\x00\x02\x01\x0a\x16"s;
const std::string kTuyaPayload = kTuyaFrame.substr(2, 6);

TEST(Frames, PayloadIsTheFrameWithoutStartAndChecksum)
{
    expect_frames(tuya(), kTuyaFrame + kTuyaFrame, ElementsAre(kTuyaPayload, kTuyaPayload, "0"));
}

TEST(Frames, BytesBetweenFramesAreSkippedAndCountedOnce)
{
    expect_frames(tuya(), "noise\x55" + kTuyaFrame + "\x55\x55" + kTuyaFrame + kTuyaFrame + "x",
                  ElementsAre(kTuyaPayload, kTuyaPayload, kTuyaPayload, "3"));
}

TEST(Frames, FrameWithAWrongChecksumIsSkippedAndTheNextOneIsFound)
{
    std::string wrong = kTuyaFrame;
    wrong.back() = '\0';
    expect_frames(tuya(), kTuyaFrame + wrong + kTuyaFrame, ElementsAre(kTuyaPayload, kTuyaPayload, "1"));
    // The next frame begins in what the frame that lost a byte would cover.
    std::string shorter = kTuyaFrame;
    shorter.erase(7, 1);
    expect_frames(tuya(), shorter + kTuyaFrame + kTuyaFrame, ElementsAre(kTuyaPayload, kTuyaPayload, "1"));
}

TEST(Frames, FrameThatIsLongerThanTheLimitIsSkippedAtOnce)
{
    const Framing framing = frames("start = [0xaa], length = { at = 1, counts = \"rest\" }", "max_length = 16\n");
    expect_frames(framing, "\xaa\x0e" + std::string(14, 'x') + "\xaa\x0f\xaa\x01y",
                  ElementsAre("\x0e" + std::string(14, 'x'), "\x01y", "1"));
}

TEST(Frames, FrameThatIsShorterThanItsPartsIsSkipped)
{
    const Framing framing =
        frames("start = [0xaa], length = { at = 1, counts = \"frame\" }, checksum = { type = \"xor8\" }");
    expect_frames(framing, "\xaa\x02\xaa\x03\xa9", ElementsAre("\x03", "1"));
}

TEST(Frames, IncompleteFrameIsSkippedAtTheEnd)
{
    expect_frames(tuya(), kTuyaFrame + kTuyaFrame.substr(0, 8), ElementsAre(kTuyaPayload, "1"), true);
}

TEST(Frames, LengthCountsTheRestOfTheFrame)
{
    // A particulate matter sensor PMS5003: the sum covers all bytes before it.
    const Framing pms =
        frames("start = [0x42, 0x4d], length = { at = 2, size = 2, order = \"big\", counts = \"rest\" }, "
               "checksum = { type = \"sum16\", order = \"big\" }");
    const std::string content = "\x00\x04\x00\x07"s;
    expect_frames(pms, "\x42\x4d" + content + "\x00\x9a"s, ElementsAre(content, "0"));
    // CRSF: the checksum does not cover the address and the length.
    const Framing crsf = frames("start = [0xc8], length = { at = 1, counts = \"rest\" }, "
                                "checksum = { type = \"CRC-8/DVB-S2\", from = 2 }");
    expect_frames(crsf,
                  "\xc8\x0a"
                  "123456789\xbc",
                  ElementsAre("\x0a"
                              "123456789",
                              "0"));
}

TEST(Frames, LengthCountsAPartOfTheFrame)
{
    // MultiWii: the command between the length and the data is not counted.
    const Framing msp = frames("start = \"$M>\", length = { at = 3, counts = \"payload\", add = 1 }, "
                               "checksum = { type = \"xor8\", from = 3 }");
    expect_frames(msp,
                  "$M>\x02\x65"
                  "ab\x64",
                  ElementsAre("\x02\x65"
                              "ab",
                              "0"));
}

TEST(Frames, ChecksumIsFollowedByTheEnd)
{
    // A dust sensor SDS011: frames of ten bytes.
    const Framing sds =
        frames("start = [0xaa, 0xc0], length = 10, checksum = { type = \"sum8\", from = 2 }, end = [0xab]");
    expect_frames(sds, "\xaa\xc0\x01\x02\x03\x04\x05\x06\x15\xab\xaa\xc0\x01\x02\x03\x04\x05\x06\x15\xac",
                  ElementsAre("\x01\x02\x03\x04\x05\x06", "1"));
}

TEST(Frames, ChecksumHasAByteOrder)
{
    const Framing little = frames("start = \"<\", length = { at = 1, counts = \"payload\" }, "
                                  "checksum = { type = \"CRC-16/MODBUS\", from = 2, order = \"little\" }");
    expect_frames(little,
                  "<\x09"
                  "123456789\x37\x4b",
                  ElementsAre("\x09"
                              "123456789",
                              "0"));
    expect_frames(little,
                  "<\x09"
                  "123456789\x4b\x37",
                  ElementsAre("1"));
}

TEST(Frames, LengthHasAByteOrder)
{
    const Framing little =
        frames("start = \"<\", length = { at = 1, size = 3, order = \"little\", counts = \"payload\" }");
    expect_frames(little,
                  "<\x02\x00\x00"
                  "ab"s,
                  ElementsAre("\x02\x00\x00"
                              "ab"s,
                              "0"));
}

}  // namespace
}  // namespace drvbus::test
