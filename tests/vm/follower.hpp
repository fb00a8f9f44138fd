// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace drvbus::test {

/// What a catch-up subscriber received of one instance of a channel.
struct Followed {
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;  ///< reported as lost
    bool complete = true;    ///< false if more events than `lost` may be missing

    /// Sequence of the next event.
    [[nodiscard]] std::uint64_t next() const { return delivered + lost + 1; }
};

/// Runs an example program that uses the client library, and checks each line that it prints.
class FollowerProcess {
public:
    /// Starts drvbus-follow.
    explicit FollowerProcess(const std::string& channel) : FollowerProcess({"../examples/drvbus-follow"}, channel) {}
    /// Starts `command` with `channel` as its last argument.
    FollowerProcess(std::vector<std::string> command, const std::string& channel);

    /// Reads and checks the output since the last call.
    /// @throws std::runtime_error if an event or a loss has another sequence than the next one
    void read();
    /// Waits until the position in the last instance is `next` or higher. @throws as read()
    bool wait_for(std::uint64_t next);

    /// At least one; the last one is the present instance.
    [[nodiscard]] const std::vector<Followed>& instances() const { return instances_; }
    [[nodiscard]] const Followed& last() const { return instances_.back(); }
    /// drvbusd's signals that the program received, those that repeat an earlier one, and the events that it fetched
    /// with GetEvents; of all instances and connections. Only drvbus-follow prints them.
    [[nodiscard]] std::uint64_t signals() const { return counters_.signals; }
    [[nodiscard]] std::uint64_t repeats() const { return counters_.repeats; }
    [[nodiscard]] std::uint64_t fetched() const { return counters_.fetched; }
    /// Error messages of the program, such as those while the service or the bus is absent.
    [[nodiscard]] const std::string& errors() const { return errors_; }
    [[nodiscard]] const Process& process() const { return process_; }

private:
    void line(const std::string& text);

    struct Counters {
        std::uint64_t signals = 0;
        std::uint64_t repeats = 0;
        std::uint64_t fetched = 0;
    };

    Process process_;
    std::size_t parsed_ = 0;
    std::string rest_;  // an incomplete line
    std::vector<Followed> instances_{1};
    Counters counters_;
    std::string errors_;
};

}  // namespace drvbus::test
