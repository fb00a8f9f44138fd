// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus_client.hpp"

#include <cstdlib>
#include <memory>
#include <utility>

#include "base/errno.hpp"
#include "message_text.hpp"

namespace drvbus::test {

ScopedVariable::ScopedVariable(std::string name, const std::string& value) : name_(std::move(name))
{
    const char* const previous = std::getenv(name_.c_str());
    was_set_ = previous != nullptr;
    if (was_set_)
        previous_ = previous;
    setenv(name_.c_str(), value.c_str(), 1);
}

ScopedVariable::~ScopedVariable()
{
    if (was_set_)
        setenv(name_.c_str(), previous_.c_str(), 1);
    else
        unsetenv(name_.c_str());
}

BusClient::BusClient(const EventLoop& loop, const std::string& address)
{
    check(sd_bus_new(&bus_), "sd_bus_new");
    check(sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address");
    check(sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client");
    check(sd_bus_start(bus_), "sd_bus_start");
    check(sd_bus_attach_event(bus_, loop.get(), SD_EVENT_PRIORITY_NORMAL), "sd_bus_attach_event");
}

BusClient::~BusClient()
{
    sd_bus_detach_event(bus_);
    sd_bus_close_unref(bus_);
}

std::string BusClient::unique_name() const
{
    const char* name = nullptr;
    check(sd_bus_get_unique_name(bus_, &name), "sd_bus_get_unique_name");
    return name;
}

std::string BusClient::owner_of(const char* name) const
{
    sd_bus_creds* credentials = nullptr;
    if (sd_bus_get_name_creds(bus_, name, SD_BUS_CREDS_UNIQUE_NAME, &credentials) < 0)
        return {};
    const std::unique_ptr<sd_bus_creds, decltype(&sd_bus_creds_unref)> owned(credentials, &sd_bus_creds_unref);
    const char* unique_name = nullptr;
    check(sd_bus_creds_get_unique_name(credentials, &unique_name), "sd_bus_creds_get_unique_name");
    return unique_name;
}

void BusClient::request_name(const char* name) const
{
    check(sd_bus_request_name(bus_, name, 0), "sd_bus_request_name");
}

void BusClient::wait_for_bus() const
{
    check(sd_bus_call_method(bus_, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                             nullptr, nullptr, nullptr),
          "GetId");
}

void BusClient::subscribe(const std::string& sender)
{
    const auto receive = [](sd_bus_message* message, void* self, sd_bus_error*) noexcept {
        static_cast<BusClient*>(self)->signals_.push_back(
            {sd_bus_message_get_path(message), sd_bus_message_get_interface(message),
             sd_bus_message_get_member(message), sd_bus_message_get_signature(message, 1), text_of(message)});
        return 0;
    };
    const std::string match = "type='signal',sender='" + sender + "'";
    check(sd_bus_add_match(bus_, nullptr, match.c_str(), receive, this), "sd_bus_add_match");
}

void BusClient::call(const std::string& destination, const char* path, const char* interface, const char* member,
                     OnReply on_reply)
{
    const auto forward = [](sd_bus_message* reply, void* callback, sd_bus_error*) noexcept {
        (*static_cast<OnReply*>(callback))(reply);
        return 0;
    };
    sd_bus_slot* slot = nullptr;
    auto callback = std::make_unique<OnReply>(std::move(on_reply));
    check(sd_bus_call_method_async(bus_, &slot, destination.c_str(), path, interface, member, forward, callback.get(),
                                   nullptr),
          "sd_bus_call_method_async");
    // The slot owns the callback, and the connection owns the slot.
    check(sd_bus_slot_set_destroy_callback(slot, [](void* owned) { delete static_cast<OnReply*>(owned); }),
          "sd_bus_slot_set_destroy_callback");
    (void)callback.release();
    check(sd_bus_slot_set_floating(slot, 1), "sd_bus_slot_set_floating");
    sd_bus_slot_unref(slot);
    check(sd_bus_flush(bus_), "sd_bus_flush");
}

}  // namespace drvbus::test
