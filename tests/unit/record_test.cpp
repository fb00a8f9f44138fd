// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/record.hpp"

#include <string>

#include <gtest/gtest.h>
#include <linux/drvbus.h>

#include "support/record.hpp"

namespace drvbus::test {
namespace {

using record::parse_record;
using record::Record;

const RecordHeader kHeader{
    .sequence = 0x1122334455667788, .time_ns = 0x99aabbccddeeff00, .id = 0xfedcba98, .flags = DRVBUS_EVENT_URGENT};

void expect_complete(const Record& found, std::string_view payload)
{
    ASSERT_EQ(found.state, Record::State::complete);
    EXPECT_EQ(found.event.sequence, kHeader.sequence);
    EXPECT_EQ(found.event.time_ns, kHeader.time_ns);
    EXPECT_EQ(found.event.id, kHeader.id);
    EXPECT_EQ(found.event.flags, kHeader.flags);
    EXPECT_EQ(as_text(found.event.payload), payload);
}

TEST(ParseRecord, ReturnsAllFields)
{
    const std::string bytes = record(kHeader, "payload!");
    const Record found = parse_record(as_bytes(bytes));
    expect_complete(found, "payload!");
    EXPECT_EQ(found.size, sizeof(drvbus_record) + 8);
}

TEST(ParseRecord, PayloadIsWithoutPadding)
{
    for (std::size_t length = 0; length <= 2 * DRVBUS_RECORD_ALIGN + 1; ++length) {
        const std::string payload(length, 'p');
        const std::string bytes = record(kHeader, payload);
        const Record found = parse_record(as_bytes(bytes));
        expect_complete(found, payload);
        EXPECT_EQ(found.size, bytes.size());
        EXPECT_EQ(found.size % DRVBUS_RECORD_ALIGN, 0U);
    }
}

TEST(ParseRecord, FollowingBytesAreIgnored)
{
    const std::string first = record(kHeader, "first");
    const std::string bytes = first + record({.sequence = 2}, "second");
    const Record found = parse_record(as_bytes(bytes));
    expect_complete(found, "first");
    EXPECT_EQ(found.size, first.size());
}

TEST(ParseRecord, TruncatedRecordIsPartial)
{
    const std::string bytes = record(kHeader, "some payload");
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        EXPECT_EQ(parse_record(as_bytes(bytes).first(cut)).state, Record::State::partial) << cut;
    EXPECT_EQ(parse_record(as_bytes(bytes)).state, Record::State::complete);
}

TEST(ParseRecord, UnalignedRecordIsParsed)
{
    const std::string bytes = record(kHeader, "somewhere");
    for (std::size_t shift = 0; shift < DRVBUS_RECORD_ALIGN; ++shift) {
        const std::string shifted = std::string(shift, '\xff') + bytes;
        expect_complete(parse_record(as_bytes(shifted).subspan(shift)), "somewhere");
    }
}

TEST(ParseRecord, LargestPayloadIsAccepted)
{
    const std::string payload(DRVBUS_PAYLOAD_MAX, 'x');
    const std::string bytes = record(kHeader, payload);
    const Record found = parse_record(as_bytes(bytes));
    ASSERT_EQ(found.state, Record::State::complete);
    EXPECT_EQ(found.event.payload.size(), payload.size());
    EXPECT_EQ(parse_record(as_bytes(bytes).first(bytes.size() - 1)).state, Record::State::partial);
}

TEST(ParseRecord, InvalidHeaderIsMalformed)
{
    const auto state_of = [](const std::string& bytes) { return parse_record(as_bytes(bytes)).state; };
    EXPECT_EQ(state_of(record_header({}, DRVBUS_PAYLOAD_MAX + 1)), Record::State::malformed);
    EXPECT_EQ(state_of(record_header({}, 0xffffffff)), Record::State::malformed);
    EXPECT_EQ(state_of(record_header({.sequence = 0}, 0)), Record::State::malformed);
    EXPECT_EQ(state_of(record_header({.reserved = 1}, 0)), Record::State::malformed);
    EXPECT_EQ(state_of("this is text and nothing that a driver sent"), Record::State::malformed);
    EXPECT_EQ(state_of(record_header({}, 0)), Record::State::complete);
}

}  // namespace
}  // namespace drvbus::test
