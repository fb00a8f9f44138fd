// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The recipe of the examples, against a channel that is played.
#include "drvbus/follower.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdbus_version.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;

/// A follower whose channel holds what the test says; what it is told is noted, as words.
class Played : public Follower {
public:
    explicit Played(Position position = {})
        : Follower({.event = [this](const Event& event) { told.push_back(std::to_string(event.sequence)); },
                    .lost =
                        [this](std::uint64_t first, std::uint64_t count) {
                            told.push_back("lost " + std::to_string(count) + " from " + std::to_string(first));
                        },
                    .instance =
                        [this](bool to_the_end) {
                            told.emplace_back(to_the_end ? "another" : "another, and perhaps more lost");
                        }},
                   position)
    {
    }

    void event(std::uint64_t sequence) { event_of(instance, sequence); }
    /// One of an instance that is gone may still be on its way.
    void event_of(std::uint64_t of, std::uint64_t sequence) { heard(made(of, sequence)); }
    using Follower::bus_answered;
    using Follower::heard_lost;

    std::uint64_t instance = 7;
    std::uint64_t oldest = 1;  ///< what the channel still holds
    std::uint64_t next = 1;
    std::uint64_t page = 3;  ///< events in one answer
    bool away = false;
    bool gone = false;  ///< has no events to give, and says how far the one before came
    int asked = 0;
    int asked_bus = 0;
    std::optional<Ending> previous;  ///< where not set: nothing more of the old one was missed
    bool timeless = false;           ///< its events have no time
    std::vector<std::string> told;

private:
    /// Later instances have later times.
    [[nodiscard]] Event made(std::uint64_t of, std::uint64_t sequence) const
    {
        return {"", sequence, timeless ? 0 : of * 1000 + sequence, 0, {}};
    }

    void ask_bus() override { ++asked_bus; }

    Ending ask_previous() override
    {
        if (away)
            throw bus::make_error("org.freedesktop.DBus.Error.ServiceUnknown", "nobody");
        return previous.value_or(Ending{position().instance, position().next});
    }

    Answer ask(std::uint64_t since) override
    {
        ++asked;
        if (away || gone)
            throw bus::make_error("org.freedesktop.DBus.Error.ServiceUnknown", "nobody");
        if (since > next)
            throw bus::make_error("org.drvbus1.Error.OutOfRange", "not yet");
        Answer answer{{}, std::max(since, oldest), false, instance};
        while (answer.next < next && answer.events.size() < page)
            answer.events.push_back(made(instance, answer.next++));
        answer.more = answer.next < next;
        return answer;
    }
};

/// One that had three events of the instance 7, whose channel is then the instance 8, with an event.
class Replaced final : public Played {
public:
    Replaced() : Played({7, 4, 7003})
    {
        next = 4;
        catch_up();
        instance = 8;
        next = 2;
    }
};

TEST(Follower, TakesEventsAsTheyComeOnceItKnowsThePast)
{
    Played follower;
    follower.catch_up();
    EXPECT_EQ(follower.asked, 1);
    for (follower.next = 2; follower.next <= 4; ++follower.next)
        follower.event(follower.next - 1);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3"));
    EXPECT_EQ(follower.asked, 2) << "none is asked for that came, but the first, which may be of another instance";
    EXPECT_EQ(follower.position(), (Position{7, 4, 7003}));
}

TEST(Follower, ThatComesLateGetsWhatWasBeforeAndWhatIsLost)
{
    Played follower;
    follower.oldest = 4;
    follower.next = 9;
    follower.catch_up();
    EXPECT_THAT(follower.told, ElementsAre("lost 3 from 1", "4", "5", "6", "7", "8"));
}

TEST(Follower, DropsRepeatsWithoutAskingForEach)
{
    Played follower;
    follower.next = 7;
    follower.catch_up();
    follower.asked = 0;
    for (std::uint64_t sequence = 3; sequence <= 6; ++sequence)
        follower.event(sequence);
    EXPECT_EQ(follower.repeats(), 0U) << "they were asked for before they came";
    for (std::uint64_t sequence = 1; sequence <= 6; ++sequence)
        follower.event(sequence);
    EXPECT_EQ(follower.asked, 0);
    EXPECT_EQ(follower.repeats(), 6U);
    EXPECT_EQ(follower.signals(), 10U);
    EXPECT_EQ(follower.fetched(), 6U);
    follower.next = 8;
    follower.event(7);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, AsksOnceForWhatTheChannelHasForgotten)
{
    Played follower;
    follower.page = 10;
    follower.next = 7;
    follower.catch_up();
    // A stream's daemon was killed, and has to send 5 and 6 once more.
    follower.next = 5;
    follower.page = 3;
    follower.asked = 0;
    follower.catch_up();
    EXPECT_EQ(follower.asked, 2);
    follower.next = 8;
    for (std::uint64_t sequence = 5; sequence <= 7; ++sequence)
        follower.event(sequence);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, TakesWhatIsNextAlsoWhereNobodyAnswers)
{
    Played follower;
    follower.next = 3;
    follower.catch_up();
    follower.away = true;
    EXPECT_THROW(follower.catch_up(), sdbus::Error);
    follower.event(3);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3")) << "it was not missed, and the channel may never come back";
}

TEST(Follower, FillsAGapBeforeWhatFollowsIt)
{
    Played follower;
    follower.catch_up();
    follower.next = 6;
    follower.event(5);  // 1 to 4 were dropped
    follower.next = 7;
    follower.event(6);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST(Follower, DeliversNothingOutOfOrderWhileNobodyAnswers)
{
    Played follower;
    follower.catch_up();
    follower.away = true;
    follower.event(3);
    follower.event(4);
    EXPECT_TRUE(follower.told.empty());
    follower.away = false;
    follower.next = 6;
    follower.event(5);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "4", "5"));
}

TEST(Follower, KeepsALossInItsPlace)
{
    Played follower;
    follower.catch_up();
    follower.next = 2;
    follower.event(1);
    follower.heard_lost(2, 8);
    follower.event(10);
    follower.heard_lost(2, 8);  // once more, after a restart
    EXPECT_THAT(follower.told, ElementsAre("1", "lost 8 from 2", "10"));
}

TEST(Follower, SeesThatTheChannelWasReplaced)
{
    Played follower;
    follower.next = 4;
    follower.catch_up();
    follower.event(3);
    follower.instance = 8;
    follower.next = 2;
    follower.event(1);
    follower.next = 3;
    follower.event(2);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "another", "1", "2"));
    EXPECT_EQ(follower.position(), (Position{8, 3, 8002}));
}

TEST(Follower, TakesTheEndOfTheOldInstanceThatIsStillOnItsWay)
{
    Played follower;
    follower.next = 4;
    follower.catch_up();
    // 4 and 5 were sent, then the channel was replaced, and the answer overtakes them.
    follower.instance = 8;
    follower.next = 2;
    follower.catch_up();
    follower.event_of(7, 4);
    follower.event_of(7, 5);
    follower.event(1);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "4", "5", "another", "1"));
    follower.bus_answered(true);
    EXPECT_EQ(follower.told.size(), 7U) << "it is told once";
}

TEST(Follower, TakesTheEndOfTheOldInstanceHoweverOftenItAsksMeanwhile)
{
    Played follower({7, 6, 7005});
    follower.next = 6;
    follower.catch_up();
    // 6, 7 and 8 wait, behind a handler that is slow.
    follower.instance = 8;
    follower.next = 8;
    follower.page = 10;
    follower.catch_up();
    follower.event_of(7, 6);
    follower.catch_up();
    follower.event_of(7, 7);
    follower.event_of(7, 8);
    EXPECT_EQ(follower.asked_bus, 1);
    follower.bus_answered(true);
    for (std::uint64_t sequence = 1; sequence <= 8; ++sequence) {
        follower.next = std::max(follower.next, sequence + 1);
        follower.event(sequence);
    }
    EXPECT_THAT(follower.told, ElementsAre("6", "7", "8", "another", "1", "2", "3", "4", "5", "6", "7", "8"));
}

TEST(Follower, TellsTheEndOfTheOldInstanceFromTheNewOne)
{
    Played follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 1;
    follower.catch_up();
    // What waited came once more, from the first on: that is still the old one.
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence)
        follower.event_of(7, sequence);
    // The new one gets as far before the bus answers.
    for (follower.next = 2; follower.next <= 8; ++follower.next)
        follower.event(follower.next - 1);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("4", "5", "another", "1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, TellsWhatIsLostOfTheEndOfTheOldInstance)
{
    Replaced follower;
    follower.catch_up();
    follower.heard_lost(4, 2);
    follower.event_of(7, 6);
    follower.event_of(7, 8);  // the bus has dropped 7, and nobody has it
    follower.heard_lost(1, 5);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("lost 2 from 4", "6", "lost 1 from 7", "8", "another", "1"));
}

TEST(Follower, TellsWhatTheBusDroppedOfTheEndOfTheOldInstance)
{
    Replaced follower;
    follower.previous = {7, 10};
    follower.catch_up();
    follower.event_of(7, 4);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("4", "lost 5 from 5", "another", "1"));
}

TEST(Follower, SaysWhereNobodyKnowsTheEndOfTheOldInstance)
{
    Replaced follower;
    follower.previous = {6, 10};  // 7 was replaced while nobody looked
    follower.event(1);
    EXPECT_THAT(follower.told, ElementsAre("another, and perhaps more lost", "1"));
}

TEST(Follower, CountsAnInstanceOfWhichItGotNothing)
{
    Played follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 3;
    follower.catch_up();
    follower.gone = true;  // once it is known to have come, and before it was asked for anything
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("another"));
    follower.gone = false;
    follower.instance = 9;
    follower.next = 2;
    follower.previous = {8, 3};
    follower.catch_up();
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("another", "lost 2 from 1", "another", "1"));
}

TEST(Follower, TellsNothingBeforeItKnowsTheEndOfTheOldInstance)
{
    Replaced follower;
    follower.previous = {7, 6};
    follower.catch_up();
    follower.away = true;
    follower.bus_answered(true);
    EXPECT_TRUE(follower.told.empty());
    follower.away = false;
    follower.catch_up();
    EXPECT_EQ(follower.asked_bus, 2);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("lost 2 from 4", "another", "1"));
}

TEST(Follower, TakesTheOnlyEventsOfAnInstanceThatIsGone)
{
    Played follower;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 2;
    follower.event_of(7, 1);
    follower.event_of(7, 2);
    follower.event(1);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "another", "1"));
}

TEST(Follower, WaitsForTheBusWhereEventsHaveNoTime)
{
    Played follower({7, 4});
    follower.timeless = true;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 2;
    follower.catch_up();
    follower.event(4);
    follower.event(5);
    follower.bus_answered(true);
    follower.event(1);
    EXPECT_THAT(follower.told, ElementsAre("4", "5", "another", "1"));
}

TEST(Follower, AsksTheBusAnewForEachReplacement)
{
    Replaced follower;
    follower.event(1);  // the first answer of the bus is still to come
    follower.instance = 9;
    follower.next = 1;
    follower.catch_up();
    EXPECT_EQ(follower.asked_bus, 2);
    follower.bus_answered(true);
    follower.event_of(8, 2);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("another", "1", "2", "another"));
}

TEST(Follower, AsksTheBusAgainWhereItDidNotAnswer)
{
    Played follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.catch_up();
    follower.bus_answered(false);
    follower.event_of(7, 4);
    EXPECT_EQ(follower.asked_bus, 2);
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("4", "another", "1", "2", "3"));
}

TEST(Follower, SeesAReplacementOfAChannelThatHadNoEvent)
{
    Played follower;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 2;
    follower.event(1);
    follower.next = 3;
    follower.event(2);
    follower.catch_up();
    EXPECT_THAT(follower.told, ElementsAre("another", "1", "2"));
}

TEST(Follower, TakesNoLossOfAnotherInstanceForItsOwn)
{
    Played follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.oldest = 6;
    follower.next = 7;
    follower.heard_lost(1, 5);
    follower.event(6);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "another", "lost 5 from 1", "6"));
}

TEST(Follower, SeesAReplacementAlsoWhereNothingComesOfIt)
{
    Played follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 1;
    follower.catch_up();
    follower.bus_answered(true);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "another"));
    EXPECT_EQ(follower.position(), (Position{8, 1}));
}

TEST(Follower, SeesAReplacementThatHasComeFurther)
{
    Played follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 9;
    follower.event(8);
    EXPECT_THAT(follower.told, ElementsAre("1", "2", "3", "another", "1", "2", "3", "4", "5", "6", "7", "8"));
}

TEST(Follower, GoesOnFromAPositionThatWasKept)
{
    Played follower({7, 5});
    follower.next = 7;
    follower.catch_up();
    EXPECT_THAT(follower.told, ElementsAre("5", "6"));
}

}  // namespace
}  // namespace drvbus::test
