// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reader/make_reader.hpp"

#include <utility>

#include "reader/input_source.hpp"

namespace drvbus::reader {

namespace {

std::unique_ptr<InputSource> make_device_source(const device::DeviceFile& device, record::Framing framing)
{
    const device::Settings* const settings = device.settings();
    if (settings == nullptr)
        return make_read_source(device.fd(), framing);
    return make_source(*settings,
                       {.device = device.fd(), .eventfd = device.eventfd(), .sysfs = device.setup_state().sysfs});
}

}  // namespace

std::unique_ptr<Reader> make_reader(const device::DeviceFile& device, const record::ChannelDescription& description,
                                    checkpoint::Checkpoint& checkpoint)
{
    if (device.is_ring())
        return make_ring_reader(device.fd(), checkpoint.progress());
    return make_input_reader(make_device_source(device, description.framing), description.framing, make_decoder(device),
                             checkpoint);
}

std::unique_ptr<Reader> make_remaining_input_reader(const device::DeviceFile& device,
                                                    const record::ChannelDescription& description,
                                                    checkpoint::Checkpoint& checkpoint)
{
    return make_input_reader(nullptr, description.framing, make_decoder(device), checkpoint);
}

record::Decoder make_decoder(const device::DeviceFile& device)
{
    const std::shared_ptr<const device::Settings>& settings = device.shared_settings();
    if (settings == nullptr)
        return {};
    return {std::shared_ptr<const record::DecodingRules>(settings, &settings->decoding),
            device.setup_state().payload_prefix};
}

}  // namespace drvbus::reader
