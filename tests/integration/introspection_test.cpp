// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the running daemon says of itself is what dbus/org.drvbus1.xml says.
#include <map>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
namespace {

using testing::Contains;
using testing::SizeIs;
using Members = std::set<std::string>;

constexpr const char* kEmitsChanged = "org.freedesktop.DBus.Property.EmitsChangedSignal";

std::map<std::string, std::string> attributes_of(const std::string& tag)
{
    static const std::regex pattern("([a-z]+)=\"([^\"]*)\"");
    std::map<std::string, std::string> attributes;
    for (auto found = std::sregex_iterator(tag.begin(), tag.end(), pattern); found != std::sregex_iterator(); ++found)
        attributes[(*found)[1]] = (*found)[2];
    return attributes;
}

/// The members of `interface` in introspection data, each with its arguments in one line; in no order.
Members members_of(const std::string& interface, const std::string& xml)
{
    static const std::regex comments("<!--[^]*?-->");
    static const std::regex tags("<(/?)(interface|method|signal|property|arg|annotation)\\b([^>]*)>");
    const std::string text = std::regex_replace(xml, comments, "");
    Members members;
    bool inside = false;
    std::string member;
    for (auto found = std::sregex_iterator(text.begin(), text.end(), tags); found != std::sregex_iterator(); ++found) {
        const bool closing = (*found)[1].length() > 0;
        const std::string tag = (*found)[2];
        auto attributes = attributes_of((*found)[3]);
        if (tag == "interface") {
            inside = !closing && attributes["name"] == interface;
        } else if (!inside) {
            continue;
        } else if (tag == "arg") {
            member += " " + attributes["direction"] + " " + attributes["type"] + " " + attributes["name"];
        } else if (tag == "annotation") {
            // "true" is what it is without.
            if (attributes["name"] == kEmitsChanged && attributes["value"] != "true")
                member += " emits " + attributes["value"];
        } else if (!closing) {
            member = tag + " " + attributes["name"] + " " + attributes["type"] + " " + attributes["access"];
        }
        const bool whole =
            tag != "arg" && tag != "annotation" && tag != "interface" && (closing || (*found)[3].str().ends_with('/'));
        if (inside && whole)
            members.insert(member);
    }
    return members;
}

class Introspection : public FifoTest {
protected:
    static void expect_as_written(const std::string& interface, const std::string& introspected)
    {
        const Members written = members_of(interface, read_file(DRVBUS_XML));
        EXPECT_THAT(written, testing::Not(testing::IsEmpty()));
        EXPECT_EQ(members_of(interface, introspected), written);
    }
};

TEST_F(Introspection, TheReaderOfThisTestSeesEverything)
{
    EXPECT_THAT(members_of("org.drvbus1.Channel", read_file(DRVBUS_XML)),
                testing::AllOf(SizeIs(15), Contains("signal Event    s name  t sequence  t time  u id  v data"),
                               Contains("signal Lost    t first  t count"),
                               Contains("property Name s read emits const"), Contains("property State s read"),
                               Contains("property NextSequence t read emits false")));
    EXPECT_THAT(members_of("org.drvbus1.Manager", read_file(DRVBUS_XML)),
                testing::AllOf(SizeIs(5), Contains("method Reload  ")));
}

TEST_F(Introspection, TheManagerIsAsWritten)
{
    start_channel();
    const std::string xml = Observer(bus().address()).introspect();
    expect_as_written("org.drvbus1.Manager", xml);
    EXPECT_THAT(members_of("org.freedesktop.DBus.ObjectManager", xml), SizeIs(3));
}

TEST_F(Introspection, AChannelIsAsWritten)
{
    start_channel();
    expect_as_written("org.drvbus1.Channel", Observer(bus().address(), channel_path("way")).introspect());
}

TEST_F(Introspection, TheTreeCanBeWalked)
{
    start_channel();
    const auto at = [this](const std::string& path) { return Observer(bus().address(), path).introspect(); };
    EXPECT_THAT(at("/"), testing::HasSubstr("<node name=\"org\""));
    EXPECT_THAT(at("/org/drvbus1"), testing::HasSubstr("<node name=\"channel"));
    EXPECT_THAT(at("/org/drvbus1/channel"), testing::HasSubstr("<node name=\"way\""));
}

}  // namespace
}  // namespace drvbus::test
