// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <utility>

#include "daemon_test.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {

/// drvbusd with a channel "sensor" that reads a FIFO. The test writes to the FIFO in the role of the driver.
class FifoTest : public DaemonTest {
protected:
    /// Starts drvbusd with the channel and opens the FIFO. `settings` holds further lines of the channel's table.
    void start_channel(const std::string& settings = {}, Process::Options options = {})
    {
        start(channel("sensor", fifo_.path(), settings), std::move(options));
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

    Fifo fifo_{path("sensor")};
    UniqueFd writer_;
    Subscriber subscriber_{"sensor", bus().address()};
};

}  // namespace drvbus::test
