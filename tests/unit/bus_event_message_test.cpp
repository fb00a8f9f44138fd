// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/event_message.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errno.hpp"
#include "bus_client.hpp"
#include "message_text.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using namespace std::string_literals;
using testing::StartsWith;

constexpr auto kInfinity = std::numeric_limits<double>::infinity();

/// A message needs a connection; nothing is sent on it unless a test does so.
class EventMessage : public BusTest {
protected:
    [[nodiscard]] bus::Message new_message() const
    {
        sd_bus_message* message = nullptr;
        check(sd_bus_message_new_signal(client_.get(), &message, "/test", "test.Interface", "Test"),
              "sd_bus_message_new_signal");
        return bus::Message(message);
    }

    /// Appends an event to a new message. @returns the contents of the message; sets `fits_`
    std::string encode(const record::Event& event, const std::string& format = {})
    {
        channel_.format = format::Format::parse(format);
        const bus::Message message = new_message();
        fits_ = encoder_.append_event(message.get(), channel_, event);
        seal(message.get());
        EXPECT_STREQ(sd_bus_message_get_signature(message.get(), 1), bus::EventEncoder::kSignature);
        return text_of(message.get());
    }

    /// The data of an event with `payload`, which must fit `format`.
    std::string data(const std::string& format, const std::string& payload)
    {
        const std::string text = encode(event(payload), format);
        EXPECT_TRUE(fits_) << format;
        EXPECT_THAT(text, StartsWith(kHeader));
        return text.substr(kHeader.size());
    }

    /// The value of the only field of `format`.
    std::string value(const std::string& format, const std::string& payload)
    {
        const std::string text = data(format, payload);
        const std::string before = "<a{sv}[{\"x\" <";
        const std::string after = ">}]>";
        EXPECT_THAT(text, StartsWith(before));
        EXPECT_THAT(text, testing::EndsWith(after));
        return text.substr(before.size(), text.size() - before.size() - after.size());
    }

    static record::Event event(const std::string& payload, std::uint32_t flags = 0)
    {
        return {.sequence = 7, .time_ns = 8, .id = 9, .flags = flags, .payload = as_bytes(payload)};
    }

    const std::string kHeader = "\"9\" t7 t8 u9 ";  ///< of event()
    BusClient client_{loop_, bus_.address()};
    bus::MessageContext channel_{"/test", {}, {}};
    bus::EventEncoder encoder_;
    bool fits_ = false;
};

TEST_F(EventMessage, FlagsOfTheDaemonBecomeEntriesOfTheData)
{
    EXPECT_EQ(encode(event("a", record::kCut | record::kTimeUnknown | record::kIncomplete), "char x[]"),
              kHeader + "<a{sv}[{\"x\" <\"a\">} {\"_cut\" <true>} {\"_time_unknown\" <true>} "
                        "{\"_incomplete\" <true>}]>");
}

TEST_F(EventMessage, HeaderHasNameSequenceTimeAndId)
{
    channel_.event_names = {{5, "overheat"}};
    EXPECT_EQ(encode({.sequence = 1, .time_ns = 2, .id = 5, .flags = 0, .payload = {}}),
              "\"overheat\" t1 t2 u5 <ay[]>");
    EXPECT_EQ(encode({.sequence = UINT64_MAX, .time_ns = UINT64_MAX, .id = 6, .flags = 0, .payload = {}}),
              "\"6\" t18446744073709551615 t18446744073709551615 u6 <ay[]>");
}

TEST_F(EventMessage, NameOfUnnamedIdIsItsNumber)
{
    EXPECT_THAT(encode({.sequence = 1, .time_ns = 0, .id = 0, .flags = 0, .payload = {}}), StartsWith("\"0\" t1"));
    EXPECT_THAT(encode({.sequence = 1, .time_ns = 0, .id = UINT32_MAX, .flags = 0, .payload = {}}),
                StartsWith("\"4294967295\" t1"));
}

TEST_F(EventMessage, PayloadWithoutFormatIsBytes)
{
    EXPECT_EQ(data("", packed(std::uint8_t{0}, std::uint8_t{255})), "<ay[y0 y255]>");
    EXPECT_EQ(data("", ""), "<ay[]>");
}

TEST_F(EventMessage, BareParametersAreArray)
{
    EXPECT_EQ(data("u32[]", packed(1U, UINT32_MAX)), "<au[u1 u4294967295]>");
    EXPECT_EQ(data("u32[]", ""), "<au[]>");
}

TEST_F(EventMessage, UnsignedIntegersKeepTheirType)
{
    EXPECT_EQ(value("u8 x", packed(std::uint8_t{UINT8_MAX})), "y255");
    EXPECT_EQ(value("u16 x", packed(std::uint16_t{UINT16_MAX})), "q65535");
    EXPECT_EQ(value("u32 x", packed(UINT32_MAX)), "u4294967295");
    EXPECT_EQ(value("u64 x", packed(UINT64_MAX)), "t18446744073709551615");
}

TEST_F(EventMessage, SignedIntegersKeepTheirTypeOrAreWidened)
{
    EXPECT_EQ(value("s8 x", packed(std::int8_t{-128})), "n-128");
    EXPECT_EQ(value("s8 x", packed(std::int8_t{127})), "n127");
    EXPECT_EQ(value("s16 x", packed(std::int16_t{-32768})), "n-32768");
    EXPECT_EQ(value("s32 x", packed(INT32_MIN)), "i-2147483648");
    EXPECT_EQ(value("s64 x", packed(INT64_MIN)), "x-9223372036854775808");
}

TEST_F(EventMessage, FloatsAreDoubles)
{
    EXPECT_EQ(value("f32 x", packed(-2.25F)), "d-2.25");
    EXPECT_EQ(value("f64 x", packed(0.1)), "d0.1");
    EXPECT_EQ(value("f64 x", packed(-kInfinity)), "d-inf");
}

TEST_F(EventMessage, AnyByteButZeroIsTrue)
{
    EXPECT_EQ(value("bool x", packed(std::uint8_t{0})), "false");
    EXPECT_EQ(value("bool x", packed(std::uint8_t{1})), "true");
    EXPECT_EQ(value("bool x", packed(std::uint8_t{2})), "true");
}

TEST_F(EventMessage, ArraysOfFixedLengthHaveTheTypeOfTheirElements)
{
    EXPECT_EQ(value("u8 x[2]", packed(std::uint8_t{1}, std::uint8_t{2})), "ay[y1 y2]");
    EXPECT_EQ(value("s8 x[2]", packed(std::int8_t{-1}, std::int8_t{2})), "an[n-1 n2]");
    EXPECT_EQ(value("u16 x[2]", packed(std::uint16_t{300}, std::uint16_t{400})), "aq[q300 q400]");
    EXPECT_EQ(value("s16 x[2]", packed(std::int16_t{-300}, std::int16_t{400})), "an[n-300 n400]");
    EXPECT_EQ(value("u32 x[2]", packed(70000U, 80000U)), "au[u70000 u80000]");
    EXPECT_EQ(value("s32 x[2]", packed(-70000, 80000)), "ai[i-70000 i80000]");
    EXPECT_EQ(value("u64 x[2]", packed(std::uint64_t{1} << 40U, std::uint64_t{7})), "at[t1099511627776 t7]");
    EXPECT_EQ(value("s64 x[2]", packed(-(std::int64_t{1} << 40U), std::int64_t{7})), "ax[x-1099511627776 x7]");
    EXPECT_EQ(value("f32 x[2]", packed(0.5F, -0.5F)), "ad[d0.5 d-0.5]");
    EXPECT_EQ(value("f64 x[2]", packed(0.25, -0.25)), "ad[d0.25 d-0.25]");
    EXPECT_EQ(value("bool x[2]", packed(std::uint8_t{0}, std::uint8_t{9})), "ab[false true]");
    EXPECT_EQ(value("char x[2]", "ab"), "\"ab\"");
}

TEST_F(EventMessage, RestFieldHasAllRemainingElements)
{
    EXPECT_EQ(value("u16 x[]", packed(std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3})), "aq[q1 q2 q3]");
    EXPECT_EQ(value("s8 x[]", packed(std::int8_t{-1})), "an[n-1]");
    EXPECT_EQ(value("u16 x[]", ""), "aq[]");
    EXPECT_EQ(value("f32 x[]", ""), "ad[]");
    EXPECT_EQ(value("char x[]", ""), "\"\"");
}

TEST_F(EventMessage, FieldsKeepTheirOrderAndNeedNoAlignment)
{
    EXPECT_EQ(data("u8 z; u32 y; u16 a[2]; u64 b",
                   packed(std::uint8_t{1}, 2U, std::uint16_t{3}, std::uint16_t{4}, std::uint64_t{5})),
              "<a{sv}[{\"z\" <y1>} {\"y\" <u2>} {\"a\" <aq[q3 q4]>} {\"b\" <t5>}]>");
}

TEST_F(EventMessage, PaddingIsOmitted)
{
    EXPECT_EQ(data("u8 a; u8 _[3]; u32 b", packed(std::uint8_t{1}, "\xff\xff\xff", 2U)),
              "<a{sv}[{\"a\" <y1>} {\"b\" <u2>}]>");
    EXPECT_EQ(data("u8 _", packed(std::uint8_t{1})), "<a{sv}[]>");
}

TEST_F(EventMessage, TextEndsAtNul)
{
    EXPECT_EQ(value("char x[8]", std::string("fan\0junk", 8)), "\"fan\"");
    EXPECT_EQ(value("char x[8]", "12345678"), "\"12345678\"");
    EXPECT_EQ(value("char x[4]", std::string(4, '\0')), "\"\"");
    EXPECT_EQ(value("char x", std::string(1, '\0')), "\"\"");
}

TEST_F(EventMessage, TextThatIsNoStringIsBytes)
{
    EXPECT_EQ(value("char x[]", "g\xc3\xbcltig"), "\"g\xc3\xbcltig\"");
    EXPECT_EQ(value("char x[]", "\xff!"), "ay[y255 y33]");
    EXPECT_EQ(value("char x[]", std::string("P<\0\x0f>", 5)), "ay[y80 y60 y0 y15 y62]");
    EXPECT_EQ(value("char x[]", std::string("P\0", 2)), "ay[y80 y0]");
    // U+FFFE and U+FDD0 are noncharacters, which sd-bus refuses.
    EXPECT_EQ(value("char x[]", "\xef\xbf\xbe"), "ay[y239 y191 y190]");
    EXPECT_EQ(value("char x[]", "\xef\xb7\x90"), "ay[y239 y183 y144]");
    EXPECT_EQ(value("char x[4]", std::string("\xff\0!\0", 4)), "ay[y255 y0 y33 y0]");
}

TEST_F(EventMessage, ByteOrderCanBeThatOfTheDevice)
{
    EXPECT_EQ(value("u16be x", "\x01\x02"), "q258");
    EXPECT_EQ(value("u16le x", "\x01\x02"), "q513");
    EXPECT_EQ(value("s32be x", "\xff\xff\xff\xfe"), "i-2");
    EXPECT_EQ(value("u64be x", std::string("\0\0\0\0\0\0\x01\0", 8)), "t256");
    EXPECT_EQ(value("f32be x", std::string("\xc0\x10\0\0", 4)), "d-2.25");
    EXPECT_EQ(value("f64be x", std::string("\x3f\xd0\0\0\0\0\0\0", 8)), "d0.25");
    EXPECT_EQ(value("s16be x[]", "\x01\x02\xff\xff"), "an[n258 n-1]");
}

TEST_F(EventMessage, BitFieldsAreTakenOutOfTheirNumber)
{
    // 0b1010'1'01'1: from the lowest bit on
    EXPECT_EQ(data("u8 status { ready:1; mode:2; _:1; level:4 }", "\xab"),
              "<a{sv}[{\"ready\" <y1>} {\"mode\" <y1>} {\"level\" <y10>}]>");
    EXPECT_EQ(data("s16be x { low:12; high:4; }; u8 next", "\x90\x01\x07"),
              "<a{sv}[{\"low\" <n1>} {\"high\" <n-7>} {\"next\" <y7>}]>");
    EXPECT_EQ(data("u64 x { all:64 }", std::string(8, '\xff')), "<a{sv}[{\"all\" <t18446744073709551615>}]>");
}

TEST_F(EventMessage, ScaledNumbersAreDoubles)
{
    EXPECT_EQ(value("s16 x * 0.5", packed(std::int16_t{-3})), "d-1.5");
    EXPECT_EQ(value("u16be x * 0.5 - 40", "\x00\x64"s), "d10");
    EXPECT_EQ(value("u8 x + 1.5", packed(std::uint8_t{2})), "d3.5");
    EXPECT_EQ(value("u64 x * 1", packed(UINT64_MAX)), "d1.8446744073709552e+19");
    EXPECT_EQ(value("f32 x * 2", packed(1.25F)), "d2.5");
    EXPECT_EQ(value("u8 x[2] * -1", packed(std::uint8_t{1}, std::uint8_t{2})), "ad[d-1 d-2]");
    EXPECT_EQ(data("u8 s { a:4 * 0.25; b:4 }", "\x5a"), "<a{sv}[{\"a\" <d2.5>} {\"b\" <y5>}]>");
}

TEST_F(EventMessage, NumbersWithNamesAreNames)
{
    EXPECT_EQ(value("u8 x (0 off, 1 on)", packed(std::uint8_t{1})), "\"on\"");
    EXPECT_EQ(value("u8 x (0 off, 1 on)", packed(std::uint8_t{2})), "\"2\"");
    EXPECT_EQ(value("s16be x (-2 low)", "\xff\xfe"), "\"low\"");
    EXPECT_EQ(value("u64 x (0 none)", packed(UINT64_MAX)), "\"18446744073709551615\"");
    EXPECT_EQ(data("u8 s { a:1 (0 open, 1 closed); b:7 }", "\x03"), "<a{sv}[{\"a\" <\"closed\">} {\"b\" <y1>}]>");
}

TEST_F(EventMessage, PairsAreADictionaryOfStrings)
{
    EXPECT_EQ(value("pairs x[]", " SUBSYSTEM=pci\n DEVICE=+pci:0000:31:00.0\n"),
              "a{ss}[{\"DEVICE\" \"+pci:0000:31:00.0\"} {\"SUBSYSTEM\" \"pci\"}]");
    EXPECT_EQ(value("pairs x[]", "A=1\0B=x=y\0\0C\0A=2"s), "a{ss}[{\"A\" \"2\"} {\"B\" \"x=y\"} {\"C\" \"\"}]");
    EXPECT_EQ(value("pairs x[]", ""), "a{ss}[]");
    EXPECT_EQ(value("pairs x[]", "A=\xff"), "ay[y65 y61 y255]");
}

TEST_F(EventMessage, MismatchIsBytes)
{
    const std::string kMismatch = "\"mismatch\" t7 t8 u9 ";
    channel_.event_names = {{9, "overheat"}};
    EXPECT_EQ(encode(event("abc"), "u32 x"), kMismatch + "<ay[y97 y98 y99]>");
    EXPECT_FALSE(fits_);
    EXPECT_EQ(encode(event("abc"), "u32[]"), kMismatch + "<ay[y97 y98 y99]>");
    EXPECT_FALSE(fits_);
    EXPECT_EQ(encode(event("abc", record::kFormatMismatch), "u8 x[3]"), kMismatch + "<ay[y97 y98 y99]>");
    EXPECT_FALSE(fits_) << "the reader has marked it as a mismatch";
    EXPECT_EQ(encode(event("abc", 1), "u8 x[3]"), "\"overheat\" t7 t8 u9 <a{sv}[{\"x\" <ay[y97 y98 y99]>}]>");
    EXPECT_TRUE(fits_) << "other flags do not matter";
}

TEST_F(EventMessage, ErrorOfSdBusIsAnException)
{
    const bus::Message message = new_message();
    seal(message.get());
    const std::uint32_t number = 1;
    EXPECT_THROW(bus::append(message.get(), 'u', &number), std::system_error);
    EXPECT_THROW(bus::append_array(message.get(), 'u', {}), std::system_error);
    EXPECT_THROW(bus::open(message.get(), 'a', "u"), std::system_error);
    EXPECT_THROW(bus::close(message.get()), std::system_error);
}

TEST_F(EventMessage, SendOnAClosedConnectionIsASendError)
{
    const bus::Message message = new_message();
    client_.wait_for_bus();
    sd_bus_close(client_.get());
    EXPECT_THROW(bus::send(message.get()), bus::SendError);
}

}  // namespace
}  // namespace drvbus::test
