// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/typed_input.hpp"

#include <array>
#include <cstddef>

#include <gtest/gtest.h>
#include <linux/input-event-codes.h>

namespace drvbus::test {
namespace {

using Keys = std::array<std::byte, KEY_CNT / 8>;

Keys with(std::size_t key)
{
    Keys keys{};
    keys.at(key / 8) = std::byte{1} << key % 8;
    return keys;
}

TEST(TypedInput, LetterKeysAreTyped)
{
    for (const int key : {KEY_Q, KEY_T, KEY_P, KEY_A, KEY_L, KEY_Z, KEY_M})
        EXPECT_TRUE(cli::has_letter_keys(with(static_cast<std::size_t>(key)))) << key;
}

TEST(TypedInput, OtherKeysAreNotTyped)
{
    for (const int key : {KEY_POWER, KEY_VOLUMEUP, KEY_ENTER, KEY_LEFTCTRL, KEY_LEFTBRACE, KEY_SEMICOLON, KEY_COMMA,
                          KEY_1, BTN_LEFT, KEY_ESC})
        EXPECT_FALSE(cli::has_letter_keys(with(static_cast<std::size_t>(key)))) << key;
    EXPECT_FALSE(cli::has_letter_keys({}));
}

TEST(TypedInput, ReportDescriptorShowsAKeyboard)
{
    constexpr std::array kKeyboard{std::byte{0x05}, std::byte{0x01}, std::byte{0x09}, std::byte{0x06},
                                   std::byte{0xa1}, std::byte{0x01}, std::byte{0x05}, std::byte{0x07}};
    EXPECT_TRUE(cli::describes_keyboard(kKeyboard));
    EXPECT_FALSE(cli::describes_keyboard(std::span(kKeyboard).first(7)));
    EXPECT_FALSE(cli::describes_keyboard({}));
}

}  // namespace
}  // namespace drvbus::test
