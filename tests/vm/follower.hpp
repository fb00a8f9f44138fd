// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace drvbus::test {

/// What a subscriber with the recipe got of one instance of a channel.
struct Followed {
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;  ///< told as lost for good
    bool to_the_end = true;  ///< where not, more may be lost

    [[nodiscard]] std::uint64_t next() const { return delivered + lost + 1; }
};

/// An example with the recipe, as a process of its own, and a check of every line that it prints.
class FollowerProcess {
public:
    explicit FollowerProcess(const std::string& channel) : FollowerProcess({"../examples/drvbus-follow"}, channel) {}
    FollowerProcess(std::vector<std::string> command, const std::string& channel);

    /// Reads what it has printed since. Throws std::runtime_error where a sequence is not the next one.
    void read();
    /// Waits until the last instance has come to `next`.
    bool wait_for(std::uint64_t next);

    [[nodiscard]] const std::vector<Followed>& instances() const { return instances_; }
    [[nodiscard]] const Followed& last() const { return instances_.back(); }
    /// What came, what of it came twice and was dropped, and what had to be asked for; over all instances and
    /// connections.
    [[nodiscard]] std::uint64_t signals() const { return before_.signals + now_.signals; }
    [[nodiscard]] std::uint64_t repeats() const { return before_.repeats + now_.repeats; }
    [[nodiscard]] std::uint64_t fetched() const { return before_.fetched + now_.fetched; }
    [[nodiscard]] const std::string& complaints() const { return complaints_; }
    [[nodiscard]] const Process& process() const { return process_; }

private:
    void line(const std::string& text);

    Process process_;
    std::size_t parsed_ = 0;
    std::string rest_;
    std::vector<Followed> instances_{1};
    struct Sums {
        std::uint64_t signals = 0;
        std::uint64_t repeats = 0;
        std::uint64_t fetched = 0;
    };
    Sums before_;  ///< of earlier connections
    Sums now_;
    std::string complaints_;
};

}  // namespace drvbus::test
