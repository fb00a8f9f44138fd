// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "daemon_test.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {

/// drvbusd with a channel "way" whose driver is the test, on the other end of a FIFO.
class FifoTest : public DaemonTest {
protected:
    /// Starts drvbusd; `settings` are the channel's.
    void start_channel(const std::string& settings = {})
    {
        start(channel("way", fifo_.path(), settings));
        writer_ = fifo_.open_writer();
    }

    void send(const RecordHeader& header, std::string_view payload = {}) const
    {
        write_all(writer_.get(), record(header, payload));
    }
    void send(std::uint64_t sequence, std::string_view payload = {}) const
    {
        send(RecordHeader{.sequence = sequence}, payload);
    }

    Fifo fifo_{path("way")};
    UniqueFd writer_;
    Subscriber subscriber_{"way", bus().address()};
};

}  // namespace drvbus::test
