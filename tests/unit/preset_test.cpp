// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets, and the keys of channels for devices whose driver does not use drvbus.
#include "config/config.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process.hpp"

namespace drvbus::test {
namespace {

using device::IoctlStep;
using device::Settings;
using device::WriteStep;
using record::Framing;
using testing::HasSubstr;
using testing::StartsWith;

class Presets : public testing::Test {
protected:
    void preset(const std::string& name, const std::string& text) const { directory_.file(name + ".toml", text); }

    [[nodiscard]] device::ChannelSettings channel_of(const std::string& settings) const
    {
        ConfigBuilder builder(directory_.path());
        builder.add("[[channel]]\nname = \"way\"\n" + settings, "test.toml");
        return builder.config().channel("way");
    }

    [[nodiscard]] std::string error_of(const std::string& settings) const
    {
        try {
            (void)channel_of(settings);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "none";
    }

    TemporaryDirectory directory_;
};

constexpr const char* kPressure =
    "[parameters]\nstall_us = 100\nfile = \"memory\"\nwanted = true\n"
    "[channel]\ndevice = \"/proc/{file}\"\nrecords = \"snapshot\"\nflood = \"{stall_us}\"\n"
    "setup = [{ write = \"some {stall_us}\", when = \"{wanted}\" }]\n"
    "names = { 0 = \"{file}\" }\n";

TEST_F(Presets, ChannelGetsTheSettingsOfItsPreset)
{
    preset("pressure", kPressure);
    const device::ChannelSettings channel = channel_of("preset = \"pressure\"");
    ASSERT_TRUE(channel.device);
    EXPECT_EQ(channel.preset, "pressure");
    EXPECT_EQ(channel.device->path, "/proc/memory");
    EXPECT_EQ(channel.device->framing.kind, Framing::Kind::snapshot);
    EXPECT_EQ(channel.device->flood_limit, 100U);
    ASSERT_EQ(channel.device->setup.size(), 1U);
    EXPECT_EQ(std::get<WriteStep>(channel.device->setup[0].operation).text, "some 100");
    EXPECT_EQ(channel.event_names->at(0), "memory");
}

TEST_F(Presets, KeysOfTheChannelOverrideThePreset)
{
    preset("pressure", kPressure);
    const device::ChannelSettings channel =
        channel_of("preset = \"pressure\"\nstall_us = 7\nwanted = false\nrecords = \"raw\"\n");
    EXPECT_EQ(channel.device->flood_limit, 7U);
    EXPECT_EQ(channel.device->framing.kind, Framing::Kind::raw);
    EXPECT_TRUE(channel.device->setup.empty());
    EXPECT_NE(channel.device->hash, channel_of("preset = \"pressure\"").device->hash);
    EXPECT_EQ(channel_of("preset = \"pressure\"\nmatch = { subsystem = \"x\" }").device->match->subsystem, "x");
}

TEST_F(Presets, ErrorInAParameterIsReportedInTheUsersFile)
{
    preset("pressure", kPressure);
    EXPECT_EQ(error_of("preset = \"none\""), "test.toml:3:10: there is no preset \"none\"; there are \"pressure\"");
    EXPECT_EQ(error_of("preset = \"../pressure\""),
              "test.toml:3:10: there is no preset \"../pressure\"; there are \"pressure\"");
    EXPECT_EQ(error_of("preset = \"pressure\"\nstall_us = \"7\""),
              "test.toml:4:12: 'stall_us' has to be a number, not a string");
    EXPECT_THAT(error_of("preset = \"pressure\"\nstall = 7"),
                HasSubstr("4:1: 'stall' is not a key of a [[channel]] of preset \"pressure\"; valid keys are"));
    EXPECT_THAT(error_of("preset = \"pressure\"\nstall_us = -1"), StartsWith("test.toml:1:1: 'flood' cannot be -1"));
    preset("bare", "[channel]\nrecords = \"lines\"\n");
    EXPECT_THAT(error_of("preset = \"bare\""),
                StartsWith(directory_.path() + "/bare.toml:2:11: 'records' is only valid with"));
}

TEST_F(Presets, StepDependsOnTheChoiceOfAParameter)
{
    preset("line", "[parameters]\nrts = \"keep\"\n[choices]\nrts = [\"keep\", \"on\", \"off\"]\n[channel]\n"
                   "device = \"/dev/x\"\nrecords = \"raw\"\nsetup = [\n"
                   "{ write = \"on\", when = [\"{rts}\", \"on\"] }, { write = \"off\", when = [\"{rts}\", \"off\"] },\n"
                   "{ write = \"set\", unless = [\"{rts}\", \"keep\"] }]\n");
    const auto written = [&](const std::string& line) {
        std::string text;
        const device::ChannelSettings settings = channel_of("preset = \"line\"\n" + line);
        for (const device::SetupStep& step : settings.device->setup)
            text += std::get<WriteStep>(step.operation).text + " ";
        return text;
    };
    EXPECT_EQ(written(""), "");
    EXPECT_EQ(written("rts = \"on\""), "on set ");
    EXPECT_EQ(written("rts = \"off\""), "off set ");
    EXPECT_EQ(error_of("preset = \"line\"\nrts = \"up\""),
              "test.toml:4:7: 'rts' cannot be \"up\"; it is one of \"keep\", \"on\", \"off\"");
}

TEST_F(Presets, ErrorInAPresetIsReportedInThePreset)
{
    preset("bad", "[channel]\nrecords = \"lions\"\n");
    EXPECT_THAT(error_of("preset = \"bad\"\ndevice = \"/dev/x\""), StartsWith(directory_.path() + "/bad.toml:2:11: "));
    preset("worse", "[channel\n");
    EXPECT_THAT(error_of("preset = \"worse\""), StartsWith(directory_.path() + "/worse.toml:1:"));
}

TEST_F(Presets, AllKeysOfADeviceAreRead)
{
    const device::ChannelSettings channel = channel_of(R"(
match = { subsystem = "input", sysname = "glob:event*", attributes = { "device/name" = "glob:Power*" }, properties = { A = "b" } }
records = "fixed"
format = "s64 sec; s64 usec; u16 type; u16 code; s32 value"
id = ["type", "code"]
names = { 0x10074 = "KEY_POWER", 7 = "seven" }
ignore = [0, "seven"]
time = { s = "sec", us = "usec" }
clock = "realtime"
sequence = "value"
priority = true
shared = true
flood = 5
setup = [{ ioctl = 0x400445a0, format = "s32 clock", values = { clock = 1 }, undo = { write = "off" } }]
rearm = [{ write = [1, 255], to = "{sysfs}/device/config", at = 5 }]
eventfd = { ioctl = 3, format = "u32 index; s32 fd", values = { index = 2, fd = "{eventfd}" } }
unit = "ProtectKernelLogs=no"
)");
    const Settings& device = *channel.device;
    EXPECT_EQ(device.match->attributes.at("device/name"), "glob:Power*");
    EXPECT_EQ(device.framing, (Framing{.kind = Framing::Kind::fixed, .size = 24}));
    EXPECT_EQ(device.decoding.id.size(), 2U);
    EXPECT_EQ(channel.event_names->at(0x10074), "KEY_POWER");
    EXPECT_EQ(device.decoding.ignored, (std::set<std::uint32_t>{0, 7}));
    EXPECT_EQ(device.decoding.time.at(1).unit_ns, 1000U);
    EXPECT_EQ(device.decoding.clock, CLOCK_REALTIME);
    EXPECT_TRUE(device.decoding.device_number);
    EXPECT_TRUE(device.priority_only);
    EXPECT_TRUE(device.shared);
    EXPECT_EQ(std::get<IoctlStep>(device.setup.at(0).operation).request, 0x400445a0U);
    EXPECT_TRUE(device.writes()) << "undoing the step writes";
    EXPECT_EQ(std::get<WriteStep>(device.rearm.at(0).operation).text, "\x01\xff");
    EXPECT_TRUE(device.eventfd_step);
    EXPECT_EQ(channel.unit, std::vector<std::string>{"ProtectKernelLogs=no"});
}

TEST_F(Presets, PrefixOfTheSetupIsNotPartOfTheRecordSize)
{
    const device::ChannelSettings channel =
        channel_of("device = \"/dev/x\"\nrecords = \"fixed\"\nformat = \"u32 line; u64 time\"\n"
                   "setup = [{ format = \"u32 line\", values = { line = 3 } }]");
    EXPECT_EQ(channel.device->framing.size, 8U);
}

TEST_F(Presets, WrongKeyIsReported)
{
    const std::string device = "device = \"/dev/x\"\nformat = \"u32 a; u8 b[2]; f32 c\"\n";
    const auto error = [&](const std::string& line) { return error_of(device + line); };
    EXPECT_EQ(error("id = \"z\""), "test.toml:5:6: the format has no field \"z\"");
    EXPECT_EQ(error("id = \"b\""), "test.toml:5:6: \"b\" has to be one integer");
    EXPECT_EQ(error("id = 3"), "test.toml:5:6: 'id' has to be a string in quotes, or an array of such, not a number");
    EXPECT_THAT(error("time = { h = \"a\" }"), HasSubstr("'h' is not a key of 'time'"));
    EXPECT_THAT(error("clock = \"tai\""), HasSubstr("one of \"monotonic\", \"realtime\", \"boottime\""));
    EXPECT_THAT(error("ignore = [\"x\"]"), HasSubstr("names from 'names'"));
    EXPECT_THAT(error("names = { x = \"y\" }"), HasSubstr("numbers from 0 to 4294967295, not \"x\""));
    EXPECT_THAT(error("pattern = \"{z}\""), HasSubstr("no field \"z\""));
    EXPECT_THAT(error("match = { subsystem = \"x\" }"), HasSubstr("not both"));
    EXPECT_THAT(error("setup = [{ then = 1 }]"), HasSubstr("'then' is not a key of a step"));
    EXPECT_THAT(error("setup = [{ write = \"x\", when = [\"a\"] }]"), HasSubstr("'when' compares two strings"));
    EXPECT_THAT(error("setup = [{}]"), HasSubstr("a step has an 'ioctl', a 'write', a 'seek'"));
    EXPECT_THAT(error("setup = [{ ioctl = -1 }]"), HasSubstr("'ioctl' cannot be -1"));
    EXPECT_THAT(error("setup = [{ ioctl = 1, values = {} }]"), HasSubstr("'values' is only valid with 'format'"));
    EXPECT_THAT(error("setup = [{ ioctl = 1, format = \"u8 x\", values = { x = 256 } }]"),
                HasSubstr("the value of \"x\" is wrong: 256 is out of range for the type of the field"));
    EXPECT_THAT(error("setup = [{ ioctl = 1, format = \"u8 x\", values = { y = 1 } }]"),
                HasSubstr("does not have this field"));
    EXPECT_THAT(error("setup = [{ write = \"x\", to = \"relative\" }]"), HasSubstr("it is an absolute path"));
    EXPECT_THAT(error("setup = [{ write = [256] }]"), HasSubstr("from 0 to 255"));
    EXPECT_THAT(error("fetch = { write = \"x\" }"), HasSubstr("'fetch' is an 'ioctl' with the 'format'"));
    EXPECT_THAT(error_of("device = \"/dev/x\"\nrecords = \"fixed\""), HasSubstr("needs a 'format' of a known size"));
    EXPECT_THAT(error_of("id = \"a\"\nformat = \"u8 a\""), HasSubstr("'id' is only valid with 'device' or 'match'"));
    EXPECT_THAT(error_of("match = { sysname = \"x\" }"), HasSubstr("'match' needs a 'subsystem'"));
}

}  // namespace
}  // namespace drvbus::test
