// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/channel_suggestion.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using cli::DeviceInfo;
using cli::Layout;
using cli::preset_for;
using cli::suggest_channel;
using cli::suggest_channel_name;
using testing::HasSubstr;
using testing::Not;
using Kind = Layout::Kind;
using Type = DeviceInfo::Type;

/// A device that does not exist on this machine.
DeviceInfo info(const std::string& path, Type type)
{
    DeviceInfo info;
    info.path = path;
    info.type = type;
    return info;
}

Layout layout(Kind kind)
{
    return {.kind = kind, .size = 0, .fields = {}, .description = {}};
}

TEST(ChannelSuggestion, NameIsValid)
{
    EXPECT_EQ(suggest_channel_name("/dev/tutorial_fasync"), "tutorial_fasync");
    EXPECT_EQ(suggest_channel_name("/dev/pts/3"), "pts-3");
    EXPECT_EQ(suggest_channel_name("/run/the.fifo"), "the-fifo");
    EXPECT_EQ(suggest_channel_name("/run/.fifo"), "fifo");
    EXPECT_EQ(suggest_channel_name("/run/" + std::string(40, 'a')), std::string(31, 'a'));
    EXPECT_EQ(suggest_channel_name("/run/..."), "device");
}

TEST(ChannelSuggestion, PresetFollowsFromThePath)
{
    EXPECT_EQ(preset_for(info("/dev/input/event1000", Type::character_device)), "evdev");
    EXPECT_EQ(preset_for(info("/dev/ttyUSB1000", Type::character_device)), "serial");
    EXPECT_EQ(preset_for(info("/proc/pressure/none", Type::file)), "psi");
    EXPECT_EQ(preset_for(info("/dev/input/by-id/event1000", Type::character_device)), "");
    EXPECT_EQ(preset_for(info("/nowhere/fifo", Type::fifo)), "");
}

TEST(ChannelSuggestion, LinesOfAFifoGetThePreset)
{
    EXPECT_EQ(suggest_channel(info("/nowhere/fifo", Type::fifo), layout(Kind::text_lines), false),
              "[[channel]]\nname = \"fifo\"\npreset = \"fifo\"\ndevice = \"/nowhere/fifo\"\n");
}

TEST(ChannelSuggestion, SettingsFollowFromTheLayout)
{
    const DeviceInfo device = info("/nowhere/device", Type::character_device);
    const auto suggest = [&](Kind kind) { return suggest_channel(device, layout(kind), false); };
    EXPECT_THAT(suggest(Kind::drvbus_records), HasSubstr("\nrecords = \"drvbus\"\n"));
    EXPECT_THAT(suggest(Kind::text_lines), HasSubstr("\nrecords = \"lines\"\nformat = \"char text[]\"\n"));
    EXPECT_THAT(suggest(Kind::text), HasSubstr("\nrecords = \"raw\"\nformat = \"char text[]\"\n"));
    EXPECT_THAT(suggest(Kind::input_events), HasSubstr("\npreset = \"evdev\"\n"));
    EXPECT_THAT(suggest(Kind::unknown), HasSubstr("\nrecords = \"raw\"   # "));
    EXPECT_THAT(suggest_channel(info("/proc/nowhere", Type::file), layout(Kind::text_lines), false),
                HasSubstr("\nrecords = \"snapshot\"\nformat = \"char text[]\"\n"));
}

TEST(ChannelSuggestion, SettingsOfGuessedFieldsAreComments)
{
    Layout fixed = layout(Kind::fixed);
    fixed.size = 12;
    fixed.fields = {.format = "u32 counter; u64 time_ns",
                    .settings = {"sequence = \"counter\"", "time = \"time_ns\"\nclock = \"realtime\""}};
    EXPECT_THAT(suggest_channel(info("/nowhere/device", Type::character_device), fixed, false),
                HasSubstr("\nrecords = \"fixed\"\n"
                          "format = \"u32 counter; u64 time_ns\"   # 12 bytes: a guess, rename the fields\n"
                          "# sequence = \"counter\"   # a guess\n"
                          "# time = \"time_ns\"   # a guess\n"
                          "# clock = \"realtime\"\n"));
}

TEST(ChannelSuggestion, TypedInputIsPublishedByThePresetOnly)
{
    EXPECT_THAT(suggest_channel(info("/nowhere/console", Type::character_device), layout(Kind::no_data), true),
                Not(HasSubstr("[[channel]]")));
    EXPECT_THAT(suggest_channel(info("/dev/input/event1000", Type::character_device), layout(Kind::no_data), true),
                HasSubstr("\n# allow_keyboard = true   # "));
}

TEST(ChannelSuggestion, ChannelOfADrvbusDriverNeedsNoDevice)
{
    DeviceInfo device = info("/dev/drvbus/beat", Type::character_device);
    device.subsystem = "drvbus";
    device.sysname = "beat";
    EXPECT_THAT(suggest_channel(device, layout(Kind::drvbus_records), false),
                testing::AllOf(HasSubstr("[[channel]]\nname = \"beat\"\n"), Not(HasSubstr("device ="))));
}

TEST(ChannelSuggestion, PathMustBeUtf8)
{
    EXPECT_THAT(suggest_channel(info("/nowhere/\xff", Type::fifo), layout(Kind::text_lines), false),
                Not(HasSubstr("[[channel]]")));
}

}  // namespace
}  // namespace drvbus::test
