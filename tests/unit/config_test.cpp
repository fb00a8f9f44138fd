// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/config.hpp"

#include <string>

#include <gtest/gtest.h>

#include "support/process.hpp"

namespace drvbus::test {
namespace {

using record::Framing;

Config merged(const std::string& text)
{
    ConfigBuilder builder("/nowhere");
    builder.add(text, "test.toml");
    return builder.config();
}

device::ChannelSettings channel_of(const std::string& settings)
{
    return merged("[[channel]]\nname = \"way\"\n" + settings).channel("way");
}

TEST(Config, EmptyConfigurationHasDefaults)
{
    const Config config = merged("");
    EXPECT_EQ(config.log_level, "info");
    EXPECT_TRUE(config.channels.empty());

    const device::ChannelSettings channel = channel_of("");
    EXPECT_FALSE(channel.notification);
    EXPECT_FALSE(channel.format);
    EXPECT_FALSE(channel.device);
    EXPECT_FALSE(channel.event_names);
}

TEST(Config, UnmentionedChannelHasDefaults)
{
    const device::ChannelSettings channel =
        merged("[[channel]]\nname = \"other\"\nnotification = \"poll\"").channel("way");
    EXPECT_FALSE(channel.notification);
    EXPECT_FALSE(channel.device);
}

TEST(Config, LogLevelIsRead)
{
    for (const std::string level : {"trace", "debug", "info", "warning", "error"})
        EXPECT_EQ(merged("log_level = \"" + level + "\"").log_level, level);
}

TEST(Config, NotificationIsRead)
{
    EXPECT_EQ(channel_of("notification = \"eventfd\"").notification, notification::Kind::eventfd);
    EXPECT_EQ(channel_of("notification = \"poll\"").notification, notification::Kind::poll);
    EXPECT_EQ(channel_of("notification = \"sigio\"").notification, notification::Kind::sigio);
    EXPECT_EQ(channel_of("notification = \"auto\"").notification, std::nullopt);
}

TEST(Config, FormatIsParsed)
{
    const device::ChannelSettings channel = channel_of("format = \"u16 sensor; s16 milli_celsius\"");
    ASSERT_TRUE(channel.format);
    EXPECT_EQ(channel.format->fields().size(), 2U);
    // An empty format replaces the driver's as well.
    ASSERT_TRUE(channel_of("format = \"\"").format);
    EXPECT_EQ(channel_of("format = \"\"").format->kind(), format::Format::Kind::bytes);
}

TEST(Config, DeviceAndRecordsAreRead)
{
    EXPECT_EQ(channel_of("device = \"/dev/ttyS0\"").device->path, "/dev/ttyS0");
    EXPECT_EQ(channel_of("device = \"fd:counter\"").device->path, "fd:counter");
    EXPECT_EQ(channel_of("device = \"/dev/x\"").device->framing.kind, Framing::Kind::records);
    EXPECT_EQ(channel_of("device = \"/dev/x\"\nrecords = \"drvbus\"").device->framing.kind, Framing::Kind::records);
    EXPECT_EQ(channel_of("device = \"/dev/x\"\nrecords = \"raw\"").device->framing.kind, Framing::Kind::raw);
}

TEST(Config, HashCoversOnlyTheDevice)
{
    const auto hash_of = [](const std::string& settings) { return channel_of(settings).device->hash; };
    const std::uint64_t hash = hash_of("device = \"/dev/x\"\nrecords = \"raw\"");
    EXPECT_EQ(hash_of("device = \"/dev/x\"\nrecords = \"raw\"\nnotification = \"poll\"\nformat = \"u8 x\""), hash);
    EXPECT_NE(hash_of("device = \"/dev/y\"\nrecords = \"raw\""), hash);
    EXPECT_NE(hash_of("device = \"/dev/x\""), hash);
    EXPECT_FALSE(channel_of("").device);
}

TEST(Config, ChannelNamesAreChecked)
{
    for (const char* const good : {"a", "A-b_9", "0", "_", "-", "abcdefghijklmnopqrstuvwxyz01234"})
        EXPECT_TRUE(is_channel_name(good)) << good;
    for (const char* const bad : {"", " ", "a b", "a.b", "a/b", "\xc3\xa4", "abcdefghijklmnopqrstuvwxyz012345"})
        EXPECT_FALSE(is_channel_name(bad)) << bad;
    EXPECT_FALSE(is_channel_name(std::string_view("a\0b", 3)));
}

class ConfigFiles : public testing::Test {
protected:
    [[nodiscard]] Config load(bool required = false) const
    {
        return load_config({directory_.path() + "/drvbusd.toml", required});
    }

    TemporaryDirectory directory_;
};

TEST_F(ConfigFiles, MissingFileIsAccepted)
{
    EXPECT_EQ(load().log_level, "info");
    EXPECT_TRUE(load().channels.empty());
}

TEST_F(ConfigFiles, MissingRequiredFileIsRefused)
{
    try {
        (void)load(true);
        FAIL() << "a missing file was accepted";
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.what(), directory_.path() + "/drvbusd.toml: cannot be read: No such file or directory");
    }
}

TEST_F(ConfigFiles, DropInsApplyWithoutTheFile)
{
    directory_.file("drvbusd.toml.d/a.toml", "log_level = \"error\"");
    EXPECT_EQ(load().log_level, "error");
}

TEST_F(ConfigFiles, LaterDropInsOverrideEarlierOnes)
{
    directory_.file("drvbusd.toml", "log_level = \"error\"");
    EXPECT_EQ(load().log_level, "error");
    directory_.file("drvbusd.toml.d/20-b.toml", "log_level = \"debug\"");
    EXPECT_EQ(load().log_level, "debug");
    directory_.file("drvbusd.toml.d/10-a.toml", "log_level = \"trace\"");
    EXPECT_EQ(load().log_level, "debug");
    directory_.file("drvbusd.toml.d/30-c.toml", "log_level = \"warning\"");
    EXPECT_EQ(load().log_level, "warning");
}

TEST_F(ConfigFiles, OnlyTomlFilesAreDropIns)
{
    for (const char* const name : {"a.toml~", "a.toml.dpkg-old", "a.conf", "README"})
        directory_.file(std::string("drvbusd.toml.d/") + name, "log_level = \"error\"");
    EXPECT_EQ(load().log_level, "info");
}

TEST_F(ConfigFiles, ChannelsAreMergedKeyByKey)
{
    directory_.file("drvbusd.toml", "[[channel]]\nname = \"one\"\nnotification = \"poll\"\nformat = \"u8 x\"\n"
                                    "[[channel]]\nname = \"two\"\ndevice = \"/dev/two\"\nrecords = \"raw\"\n");
    directory_.file("drvbusd.toml.d/a.toml", "[[channel]]\nname = \"one\"\nformat = \"u16 y\"\n"
                                             "[[channel]]\nname = \"two\"\ndevice = \"/dev/zwei\"\n"
                                             "[[channel]]\nname = \"three\"\nnotification = \"sigio\"\n");
    const Config config = load();
    EXPECT_EQ(config.channels.size(), 3U);
    EXPECT_EQ(config.channel("one").notification, notification::Kind::poll);
    EXPECT_EQ(config.channel("one").format->text(), "u16 y");
    EXPECT_EQ(config.channel("two").device->path, "/dev/zwei");
    EXPECT_EQ(config.channel("two").device->framing.kind, Framing::Kind::raw);
    EXPECT_EQ(config.channel("three").notification, notification::Kind::sigio);
}

TEST_F(ConfigFiles, DropInCanResetTheNotification)
{
    directory_.file("drvbusd.toml", "[[channel]]\nname = \"one\"\nnotification = \"poll\"\n");
    directory_.file("drvbusd.toml.d/a.toml", "[[channel]]\nname = \"one\"\nnotification = \"auto\"\n");
    EXPECT_EQ(load().channel("one").notification, std::nullopt);
}

TEST_F(ConfigFiles, RecordsInADropInApplyToTheDeviceOfTheFile)
{
    directory_.file("drvbusd.toml", "[[channel]]\nname = \"one\"\ndevice = \"/dev/one\"\n");
    directory_.file("drvbusd.toml.d/a.toml", "[[channel]]\nname = \"one\"\nrecords = \"raw\"\n");
    EXPECT_EQ(load().channel("one").device->framing.kind, Framing::Kind::raw);
}

}  // namespace
}  // namespace drvbus::test
