// SPDX-License-Identifier: LGPL-2.1-or-later
#include "follower.hpp"

#include <cctype>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/wait.hpp"

namespace drvbus::test {

namespace {

std::vector<std::string> with(std::vector<std::string> command, const std::string& argument)
{
    command.push_back(argument);
    return command;
}

}  // namespace

FollowerProcess::FollowerProcess(std::vector<std::string> command, const std::string& channel)
    : process_(with(std::move(command), channel))
{
}

void FollowerProcess::read()
{
    const std::string text = process_.output(parsed_);
    parsed_ += text.size();
    rest_ += text;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1)
        line(rest_.substr(begin, end - begin));
    rest_.erase(0, begin);
}

void FollowerProcess::line(const std::string& text)
{
    Followed& now = instances_.back();
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    if (std::isdigit(static_cast<unsigned char>(text.front())) != 0) {
        if (std::stoull(text) != now.next())
            throw std::runtime_error("due was " + std::to_string(now.next()) + ", and it is: " + text);
        ++now.delivered;
    } else if (std::sscanf(text.c_str(), "lost %lu from %lu", &count, &first) == 2) {
        if (first != now.next())
            throw std::runtime_error("due was " + std::to_string(now.next()) + ", and it is: " + text);
        now.lost += count;
    } else if (text.starts_with("another instance")) {
        now.to_the_end = text == "another instance";
        instances_.emplace_back();
    } else if (Sums sums; std::sscanf(text.c_str(), "signals %lu repeats %lu fetched %lu", &sums.signals, &sums.repeats,
                                      &sums.fetched) == 3) {
        if (sums.signals < now_.signals || sums.repeats < now_.repeats || sums.fetched < now_.fetched) {
            before_.signals += now_.signals;
            before_.repeats += now_.repeats;
            before_.fetched += now_.fetched;
        }
        now_ = sums;
    } else {
        complaints_ += text + "\n";  // that the service or the bus is away
    }
}

bool FollowerProcess::wait_for(std::uint64_t next)
{
    return wait_until([&] {
        read();
        return last().next() >= next;
    });
}

}  // namespace drvbus::test
