// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bus/objects.hpp"
#include "bus/publisher.hpp"
#include "config.hpp"
#include "device/discovery.hpp"
#include "device/reader.hpp"
#include "notification/notification.hpp"
#include "notification/sigio.hpp"
#include "unique_fd.hpp"

namespace drvbus {

/// What all channels work with. Outlives them.
struct Services {
    Loop& loop;
    bus::Connection& connection;
    bus::Publisher& publisher;
    notification::SigioDispatcher& sigio;
};

/// Sums over channels.
struct Counters {
    std::uint64_t published = 0;
    std::uint64_t lost = 0;
};

/// One stream of events from an open device to an object on the bus:
/// notification, reader, format and publisher, one after the other.
class Channel final : public bus::ChannelModel {
public:
    enum class Turn : std::uint8_t {
        idle,   ///< nothing more until the next news
        more,   ///< give it another turn
        wait,   ///< the bus takes no more now
        ended,  ///< gone or failed; nothing will come
    };

    /// Opens the device and appears on the bus; a device that fails makes a channel in state "failed".
    /// Wants a turn at once: events may be there already.
    /// @param inherited_fd the open file behind a device "fd:NAME"; else none
    /// @param on_news called from the loop when `turn` should be; must not destroy the channel itself
    /// @param total grows along with the channel's own counters
    Channel(Services services, device::Description description, ChannelConfig config, UniqueFd inherited_fd,
            std::function<void()> on_news, Counters& total);

    /// Publishes what is there, up to a turn's share.
    Turn turn();

    /// Takes new settings of the same device; nothing is lost and nothing comes twice. Wants a turn.
    void configure(const ChannelConfig& config);

    [[nodiscard]] const ChannelConfig& config() const noexcept { return config_; }
    [[nodiscard]] bool failed() const noexcept { return !failure_.empty(); }

    [[nodiscard]] std::string name() const override { return description_.name; }
    [[nodiscard]] std::string device() const override { return description_.node; }
    [[nodiscard]] std::string notification() const override;
    [[nodiscard]] std::string format() const override { return published_.format.text(); }
    [[nodiscard]] std::string state() const override;
    [[nodiscard]] std::uint64_t next_sequence() const override { return next_sequence_; }
    [[nodiscard]] std::uint64_t events_published() const override { return counters_.published; }
    [[nodiscard]] std::uint64_t events_lost() const override { return counters_.lost; }
    [[nodiscard]] std::uint64_t format_mismatches() const override { return mismatches_; }

private:
    void open(UniqueFd inherited_fd);
    void open_node();
    void notify_by(std::optional<notification::Kind> kind);
    void use_format();
    Turn publish_share();
    std::size_t publish_batch(std::span<const std::byte> records, std::size_t share);
    void publish(const device::Event& event);
    void tell_lost(std::uint64_t until);
    void fail(const std::string& reason);

    [[nodiscard]] bool drvbus_node() const noexcept { return config_.device.empty(); }

    Services services_;
    device::Description description_;
    ChannelConfig config_;
    std::function<void()> on_news_;
    Counters& total_;
    Counters counters_;
    std::uint64_t mismatches_ = 0;
    std::uint64_t next_sequence_ = 1;
    std::string failure_;
    bus::Published published_;
    UniqueFd fd_;  // before what works with it
    std::unique_ptr<device::Reader> reader_;
    std::unique_ptr<notification::Notification> notification_;
    std::unique_ptr<bus::ChannelObject> object_;
};

}  // namespace drvbus
