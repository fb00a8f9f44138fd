// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/typed_input.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include <gtest/gtest.h>
#include <linux/input-event-codes.h>
#include <sys/sysmacros.h>

namespace drvbus::test {
namespace {

using Keys = std::array<std::byte, KEY_CNT / 8>;

Keys with(std::size_t key)
{
    Keys keys{};
    keys.at(key / 8) = std::byte{1} << key % 8;
    return keys;
}

TEST(TypedInput, KeyboardHasLetterKeys)
{
    for (const int key : {KEY_Q, KEY_T, KEY_P, KEY_A, KEY_L, KEY_Z, KEY_M})
        EXPECT_TRUE(cli::has_letter_keys(with(static_cast<std::size_t>(key)))) << key;
}

TEST(TypedInput, OtherKeysAreNoLetters)
{
    for (const int key : {KEY_POWER, KEY_VOLUMEUP, KEY_ENTER, KEY_LEFTCTRL, KEY_LEFTBRACE, KEY_SEMICOLON, KEY_COMMA,
                          KEY_1, BTN_LEFT, KEY_ESC})
        EXPECT_FALSE(cli::has_letter_keys(with(static_cast<std::size_t>(key)))) << key;
    EXPECT_FALSE(cli::has_letter_keys({}));
}

TEST(TypedInput, ReportDescriptorOfAKeyboardHasTheUsagePageOfKeys)
{
    constexpr std::array kKeyboard{std::byte{0x05}, std::byte{0x01}, std::byte{0x09}, std::byte{0x06},
                                   std::byte{0xa1}, std::byte{0x01}, std::byte{0x05}, std::byte{0x07}};
    EXPECT_TRUE(cli::describes_keyboard(kKeyboard));
    EXPECT_FALSE(cli::describes_keyboard(std::span(kKeyboard).first(7)));
    EXPECT_FALSE(cli::describes_keyboard({}));
}

/// Of a character device that does not exist.
cli::DeviceInfo character_device(unsigned major_number, unsigned minor_number)
{
    cli::DeviceInfo info;
    info.type = cli::DeviceInfo::Type::character_device;
    info.status.st_rdev = makedev(major_number, minor_number);
    return info;
}

TEST(TypedInput, ConsolesAreNotRead)
{
    for (const auto& [major_number, minor_number] : {std::pair{4U, 0U}, {4U, 63U}, {5U, 0U}, {5U, 1U}})
        EXPECT_NE(cli::reason_not_to_read(character_device(major_number, minor_number), -1), "") << minor_number;
}

TEST(TypedInput, SerialLinesAndOtherDevicesAreRead)
{
    for (const auto& [major_number, minor_number] : {std::pair{4U, 64U}, {5U, 2U}, {1U, 3U}, {136U, 0U}})
        EXPECT_EQ(cli::reason_not_to_read(character_device(major_number, minor_number), -1), "") << minor_number;
    cli::DeviceInfo fifo;
    fifo.type = cli::DeviceInfo::Type::fifo;
    fifo.status.st_rdev = makedev(4, 0);
    EXPECT_EQ(cli::reason_not_to_read(fifo, -1), "");
}

TEST(TypedInput, InputDeviceThatDoesNotAnswerIsNotRead)
{
    EXPECT_NE(cli::reason_not_to_read(character_device(13, 64), -1), "");
    cli::DeviceInfo hidraw = character_device(240, 0);
    hidraw.subsystem = "hidraw";
    EXPECT_NE(cli::reason_not_to_read(hidraw, -1), "");
}

}  // namespace
}  // namespace drvbus::test
