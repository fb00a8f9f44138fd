// SPDX-License-Identifier: LGPL-2.1-or-later
#include "follower.hpp"

#include <cctype>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/wait.hpp"

namespace drvbus::test {

namespace {

std::vector<std::string> append(std::vector<std::string> command, const std::string& argument)
{
    command.push_back(argument);
    return command;
}

}  // namespace

FollowerProcess::FollowerProcess(std::vector<std::string> command, const std::string& channel)
    : process_(append(std::move(command), channel))
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
    Followed& present = instances_.back();
    const std::string unexpected = "\"" + text + "\", but the next sequence is " + std::to_string(present.next());
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    Counters counters;
    if (std::isdigit(static_cast<unsigned char>(text.front())) != 0) {
        if (std::stoull(text) != present.next())
            throw std::runtime_error(unexpected);
        ++present.delivered;
    } else if (std::sscanf(text.c_str(), "lost %lu from %lu", &count, &first) == 2) {
        if (first != present.next())
            throw std::runtime_error(unexpected);
        present.lost += count;
    } else if (text.starts_with("new instance")) {
        present.complete = text == "new instance";
        instances_.emplace_back();
    } else if (std::sscanf(text.c_str(), "signals %lu repeats %lu fetched %lu", &counters.signals, &counters.repeats,
                           &counters.fetched) == 3) {
        counters_ = counters;
    } else {
        errors_ += text + "\n";
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
