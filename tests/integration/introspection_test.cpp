// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The introspection data of the running daemon matches dbus/org.drvbus1.xml.
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

/// The members of `interface` in introspection data. Each is one line with its arguments.
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
            // "true" is the default.
            if (attributes["name"] == kEmitsChanged && attributes["value"] != "true")
                member += " emits " + attributes["value"];
        } else if (!closing) {
            member = tag + " " + attributes["name"] + " " + attributes["type"] + " " + attributes["access"];
        }
        const bool complete =
            tag != "arg" && tag != "annotation" && tag != "interface" && (closing || (*found)[3].str().ends_with('/'));
        if (inside && complete)
            members.insert(member);
    }
    return members;
}

class Introspection : public FifoTest {
protected:
    static void expect_same_as_xml(const std::string& interface, const std::string& introspected)
    {
        const Members expected = members_of(interface, read_file(DRVBUS_XML));
        EXPECT_THAT(expected, testing::Not(testing::IsEmpty()));
        EXPECT_EQ(members_of(interface, introspected), expected);
    }
};

TEST_F(Introspection, ParserOfThisTestFindsAllMembers)
{
    EXPECT_THAT(members_of("org.drvbus1.Channel", read_file(DRVBUS_XML)),
                testing::AllOf(SizeIs(16), Contains("signal Event    s name  t sequence  t time  u id  v data"),
                               Contains("signal Lost    t first  t count"),
                               Contains("property Name s read emits const"), Contains("property State s read"),
                               Contains("property NextSequence t read emits false")));
    EXPECT_THAT(members_of("org.drvbus1.Manager", read_file(DRVBUS_XML)),
                testing::AllOf(SizeIs(5), Contains("method Reload  ")));
}

TEST_F(Introspection, ManagerMatchesXml)
{
    start_channel();
    const std::string xml = Observer(bus().address()).introspect();
    expect_same_as_xml("org.drvbus1.Manager", xml);
    EXPECT_THAT(members_of("org.freedesktop.DBus.ObjectManager", xml), SizeIs(3));
}

TEST_F(Introspection, ChannelMatchesXml)
{
    start_channel();
    expect_same_as_xml("org.drvbus1.Channel", Observer(bus().address(), channel_path("sensor")).introspect());
}

TEST_F(Introspection, ObjectTreeCanBeWalked)
{
    start_channel();
    const auto at = [this](const std::string& path) { return Observer(bus().address(), path).introspect(); };
    EXPECT_THAT(at("/"), testing::HasSubstr("<node name=\"org\""));
    EXPECT_THAT(at("/org/drvbus1"), testing::HasSubstr("<node name=\"channel"));
    EXPECT_THAT(at("/org/drvbus1/channel"), testing::HasSubstr("<node name=\"sensor\""));
}

}  // namespace
}  // namespace drvbus::test
