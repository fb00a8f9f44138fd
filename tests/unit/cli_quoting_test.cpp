// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/quoting.hpp"

#include <string>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using namespace cli;

TEST(Quoting, PrintableTextHasNoControlCharacters)
{
    EXPECT_EQ(printable("plain text, fünf"), "plain text, fünf");
    EXPECT_EQ(printable("a\nb\x1b[1m\x7f"), "a\\x0ab\\x1b[1m\\x7f");
    EXPECT_EQ(printable("a\xc2\x9b"
                        "b"),
              "a\\xc2\x9b"
              "b")
        << "a C1 control character";
    EXPECT_EQ(printable("a\xff"), "a\\xff") << "not UTF-8";
}

TEST(Quoting, TomlStringEscapesQuotesAndControlCharacters)
{
    EXPECT_EQ(toml_string("a \"b\" \\ \n"), "\"a \\\"b\\\" \\\\ \\u000a\"");
    EXPECT_EQ(toml_string("a\xff"), std::nullopt);
}

TEST(Quoting, UnitWordIsOneWordWithoutSpecifiers)
{
    EXPECT_EQ(unit_word("/dev/100%i"), "/dev/100%%i");
    for (const char* const text : {"", "a b", "a\nb", "a\"", "a'", "a\\", "a\xff"})
        EXPECT_EQ(unit_word(text), std::nullopt) << text;
}

TEST(Quoting, UnitSettingIsOneLine)
{
    EXPECT_TRUE(is_unit_setting("Nice=5"));
    EXPECT_TRUE(is_unit_setting("Environment=A=b c"));
    for (const char* const text : {"", "Nice", "=5", "[Install]", "A=b\nExecStart=/bin/x", "A=b\\", "# A=b", "A=\xff"})
        EXPECT_FALSE(is_unit_setting(text)) << text;
}

}  // namespace
}  // namespace drvbus::test
