// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fd_store.hpp"
#include "base/unique_fd.hpp"
#include "bus/objects.hpp"
#include "bus/publisher.hpp"
#include "channel/flood_guard.hpp"
#include "checkpoint/checkpoint.hpp"
#include "config/config.hpp"
#include "device/device_file.hpp"
#include "notification/notification.hpp"
#include "notification/sigio.hpp"
#include "reader/reader.hpp"
#include "record/channel_description.hpp"

namespace drvbus {

/// What all channels work with. Outlives them.
struct Services {
    const Loop& loop;
    bus::Connection& connection;
    bus::Publisher& publisher;
    notification::SigioDispatcher& sigio;
    const service::InheritedFds& inherited_fds;
};

/// What is there of a channel from before.
struct Kept {
    std::optional<device::Ledger> ledger;  ///< of an earlier process, as the two files
    UniqueFd device;
    UniqueFd eventfd;
    device::Ending previous{};  ///< of the channel of this name that has left
};

/// Sums over channels.
struct Counters {
    std::uint64_t published = 0;
    std::uint64_t lost = 0;
};

/// One stream of events from a device to an object on the bus: notification, reader, format and publisher,
/// one after the other; and what becomes of it when one of them fails.
class Channel final : public bus::ChannelModel {
public:
    enum class State : std::uint8_t {
        online,    ///< events flow
        retrying,  ///< the device failed; it is opened again after a while
        gone,      ///< the device is not there; likewise
        failed,    ///< waits for somebody to change the configuration, or the device
    };

    friend std::string_view to_string(State state) noexcept;

    enum class Turn : std::uint8_t {
        idle,   ///< nothing more until the next news
        more,   ///< give it another turn
        wait,   ///< the bus takes no more now
        ended,  ///< nothing will come any more
    };

    /// Opens the device and appears on the bus. Wants a turn at once: events may be there already.
    /// @param on_news called from the loop when `turn` should be; must not destroy the channel itself
    /// @param total grows along with the channel's own counters
    Channel(Services services, device::Description description, ChannelConfig config, Kept kept,
            std::function<void()> on_news, Counters& total);

    /// Publishes what is there, up to a turn's share.
    Turn turn();

    /// Takes new settings of the same device; nothing is lost and nothing comes twice. Wants a turn.
    void configure(const ChannelConfig& config);

    /// The device is there, perhaps another one than before. Wants a turn.
    /// @returns false where one is open already, which then is not touched
    bool device_added(const device::Description& description);

    /// Opens its device if that is not open: it has come.
    void look_again();
    /// Whether what has come is the configuration's device.
    [[nodiscard]] bool waits_for(sd_device* device) const;

    /// Only what has happened up to now is still published; then `turn` says `ended`. Wants a turn.
    void retire();

    /// The device has been taken away: as `retire`, but what the ring holds is published as well.
    void device_removed();

    /// What was told to have been taken away, or replaced, is this one, and it lives: news of it came late.
    void stays(const device::Description& description);

    /// To be called once `turn` has said `ended`: no later process goes on with it.
    void forget() const;

    /// The connection to the bus is broken, or there is a new one.
    void bus_lost();
    void bus_back();

    [[nodiscard]] const device::Description& description() const noexcept { return description_; }

    /// How far it came, once `turn` has said `ended`: nothing where it failed before its end. One that was never
    /// opened leaves what was known before.
    [[nodiscard]] device::Ending ending() const noexcept;

    [[nodiscard]] std::string name() const override { return description_.name; }
    [[nodiscard]] std::string device() const override { return description_.node; }
    [[nodiscard]] std::string notification() const override;
    [[nodiscard]] std::string format() const override { return published_.format.text(); }
    [[nodiscard]] std::string state() const override { return std::string(to_string(state_)); }
    [[nodiscard]] std::string reason() const override { return reason_; }
    [[nodiscard]] std::uint64_t instance() const override { return sent_.instance; }
    [[nodiscard]] device::Ending previous() const override { return sent_.previous; }
    [[nodiscard]] std::uint64_t next_sequence() const override { return sent_.next_sequence; }
    [[nodiscard]] std::uint64_t events_published() const override { return sent_.published; }
    [[nodiscard]] std::uint64_t events_lost() const override { return sent_.lost; }
    [[nodiscard]] std::uint64_t format_mismatches() const override { return sent_.mismatches; }
    [[nodiscard]] bus::Replay replay(std::uint64_t since) override;

private:
    void open(UniqueFd kept_device);
    void start(UniqueFd kept_device);
    void resume();
    void begin_ledger(std::uint64_t instance, std::uint64_t position);
    void notify_by(std::optional<notification::Kind> kind);
    void use_format();
    void guard(const std::function<void()>& work);
    void stop(State state, const std::string& reason, bool stays_open = false);
    void set_state(State state, const std::string& reason);
    void take_settings();
    void start_reading();
    void stop_reading();
    void close();
    [[nodiscard]] bool cries_wolf();
    Turn publish_share();
    std::size_t publish_batch(std::span<const std::byte> records, std::size_t share);
    void publish(const device::Event& event);
    void begin_again(std::uint64_t sequence);
    void tell_lost(std::uint64_t until);
    void settle();

    [[nodiscard]] bool serving() const noexcept { return reader_ != nullptr; }

    Services services_;
    device::Description description_;
    ChannelConfig config_;
    std::function<void()> on_news_;
    Counters& total_;
    State state_ = State::gone;
    std::string reason_;
    bool leaving_ = false;  ///< ends with what is there
    bool retired_ = false;  ///< no device will be opened again
    bool whole_ = false;    ///< was read to its end
    Source retry_;
    std::chrono::milliseconds retry_after_;
    std::optional<device::Ledger> ledger_;
    device::Progress sent_;  ///< ahead of the ledger's by what the bus has not yet taken
    bus::Published published_;
    device::Node device_;  // before what works with it
    Calm calm_;
    std::unique_ptr<device::Reader> reader_;
    std::unique_ptr<notification::Notification> notification_;
    std::unique_ptr<bus::ChannelObject> object_;
};

}  // namespace drvbus
