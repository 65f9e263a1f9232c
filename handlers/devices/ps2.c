/* SPDX-License-Identifier: MIT */
/* The 8042 keyboard controller: its commands, and a keyboard that answers every command of the AT set. Not modelled: a mouse (the auxiliary port stays
   silent), keys. */
#include "ps2.h"

enum { DATA_PORT = 0x60, STATUS_FULL = 1u << 0, STATUS_SYSTEM = 1u << 2, STATUS_COMMAND = 1u << 3, STATUS_UNLOCKED = 1u << 4 };
enum { CB_KEYBOARD_IRQ = 1u << 0, CB_SYSTEM = 1u << 2, CB_KEYBOARD_OFF = 1u << 4, CB_MOUSE_OFF = 1u << 5, CB_TRANSLATE = 1u << 6 };
enum {
    ACK = 0xfa,
    RESEND = 0xfe,
    SELF_TEST_PASSED = 0xaa,
    CONTROLLER_OK = 0x55,
    OUTPUT_PORT_RESET = 0xcf,
    OUTPUT_RESET_LINE = 1u << 0,
    OUTPUT_A20 = 1u << 1
};

void ps2_init(struct ps2 *ps2)
{
    *ps2 = (struct ps2){.command_byte = CB_KEYBOARD_IRQ | CB_SYSTEM | CB_TRANSLATE, .output_port = OUTPUT_PORT_RESET, .scan_set = 2};
}

/* Bytes of the keyboard wait while its interface is disabled; the controller's own answers do not. */
static bool readable(const struct ps2 *ps2)
{
    return ps2->count != 0 && (ps2->from_controller[ps2->first] || (ps2->command_byte & CB_KEYBOARD_OFF) == 0);
}

static void update_line(const struct ps2 *ps2, struct bus *bus)
{
    const bool keyboard_byte = readable(ps2) && !ps2->from_controller[ps2->first];
    bus_set_line(bus, PS2_KEYBOARD_LINE, keyboard_byte && (ps2->command_byte & CB_KEYBOARD_IRQ) != 0);
}

static void queue(struct ps2 *ps2, uint8_t byte, bool from_controller)
{
    if (ps2->count == PS2_QUEUE)
        return;
    if (from_controller) { /* before what the keyboard has sent */
        ps2->first = (ps2->first + PS2_QUEUE - 1) % PS2_QUEUE;
        ps2->queue[ps2->first] = byte;
        ps2->from_controller[ps2->first] = true;
    } else {
        const unsigned at = (ps2->first + ps2->count) % PS2_QUEUE;
        ps2->queue[at] = byte;
        ps2->from_controller[at] = false;
    }
    ps2->count++;
}

/* ---- the keyboard ---- */
static void keyboard_data(struct ps2 *ps2, uint8_t byte)
{
    enum { SCAN_SET = 0xf0 };
    if (ps2->keyboard_command == SCAN_SET && byte != 0)
        ps2->scan_set = byte;
    queue(ps2, ACK, false);
    if (ps2->keyboard_command == SCAN_SET && byte == 0)
        queue(ps2, ps2->scan_set, false);
    ps2->keyboard_command = 0;
}

static void keyboard_command(struct ps2 *ps2, uint8_t byte)
{
    enum { LEDS = 0xed, ECHO = 0xee, SCAN_SET = 0xf0, IDENTIFY = 0xf2, RATE = 0xf3, ENABLE = 0xf4, DISABLE = 0xf5, DEFAULTS = 0xf6, RESET = 0xff };
    switch (byte) {
    case LEDS:
    case SCAN_SET:
    case RATE:
        ps2->keyboard_command = byte;
        queue(ps2, ACK, false);
        break;
    case ECHO:
        queue(ps2, ECHO, false);
        break;
    case IDENTIFY:
        queue(ps2, ACK, false);
        queue(ps2, 0xab, false);
        queue(ps2, (ps2->command_byte & CB_TRANSLATE) != 0 ? 0x41 : 0x83, false);
        break;
    case ENABLE:
    case DISABLE:
    case DEFAULTS:
        queue(ps2, ACK, false);
        break;
    case RESET:
        ps2->scan_set = 2;
        queue(ps2, ACK, false);
        queue(ps2, SELF_TEST_PASSED, false);
        break;
    default:
        queue(ps2, RESEND, false);
        break;
    }
}

/* ---- the controller ---- */
bool ps2_opens_a20(const struct ps2 *ps2)
{
    return (ps2->output_port & OUTPUT_A20) != 0;
}

static void set_output_port(struct ps2 *ps2, struct bus *bus, uint8_t byte)
{
    ps2->output_port = byte;
    if ((byte & OUTPUT_RESET_LINE) == 0)
        bus->power = BUS_RESET;
}

enum { WRITE_COMMAND_BYTE = 0x60, WRITE_OUTPUT_PORT = 0xd1, WRITE_KEYBOARD_BUFFER = 0xd2, WRITE_MOUSE_BUFFER = 0xd3, WRITE_MOUSE = 0xd4 };

static void controller_command(struct ps2 *ps2, struct bus *bus, uint8_t byte)
{
    enum { READ_COMMAND_BYTE = 0x20, MOUSE_OFF = 0xa7, MOUSE_ON, MOUSE_TEST, SELF_TEST, KEYBOARD_TEST, KEYBOARD_OFF = 0xad, KEYBOARD_ON };
    enum { READ_INPUT_PORT = 0xc0, READ_OUTPUT_PORT = 0xd0, A20_OFF = 0xdd, A20_ON = 0xdf, PULSE_FIRST = 0xf0 };
    ps2->last_command = 0;
    switch (byte) {
    case READ_COMMAND_BYTE:
        queue(ps2, ps2->command_byte, true);
        break;
    case WRITE_COMMAND_BYTE:
    case WRITE_OUTPUT_PORT:
    case WRITE_KEYBOARD_BUFFER:
    case WRITE_MOUSE_BUFFER:
    case WRITE_MOUSE:
        ps2->last_command = byte;
        break;
    case MOUSE_OFF:
        ps2->command_byte |= CB_MOUSE_OFF;
        break;
    case MOUSE_ON:
        ps2->command_byte &= (uint8_t)~CB_MOUSE_OFF;
        break;
    case MOUSE_TEST:
    case KEYBOARD_TEST:
        queue(ps2, 0, true);
        break;
    case SELF_TEST:
        ps2->command_byte |= CB_SYSTEM;
        queue(ps2, CONTROLLER_OK, true);
        break;
    case KEYBOARD_OFF:
        ps2->command_byte |= CB_KEYBOARD_OFF;
        break;
    case KEYBOARD_ON:
        ps2->command_byte &= (uint8_t)~CB_KEYBOARD_OFF;
        break;
    case READ_INPUT_PORT:
        queue(ps2, 0x80, true);
        break;
    case READ_OUTPUT_PORT:
        queue(ps2, ps2->output_port, true);
        break;
    case A20_OFF:
        ps2->output_port &= (uint8_t)~OUTPUT_A20;
        break;
    case A20_ON:
        ps2->output_port |= OUTPUT_A20;
        break;
    default:
        if (byte >= PULSE_FIRST && (byte & OUTPUT_RESET_LINE) == 0)
            bus->power = BUS_RESET;
        break;
    }
}

static void data(struct ps2 *ps2, struct bus *bus, uint8_t byte)
{
    const uint8_t command = ps2->last_command;
    ps2->last_command = 0;
    switch (command) {
    case WRITE_COMMAND_BYTE:
        ps2->command_byte = byte;
        break;
    case WRITE_OUTPUT_PORT:
        set_output_port(ps2, bus, byte);
        break;
    case WRITE_KEYBOARD_BUFFER:
        queue(ps2, byte, false);
        break;
    case WRITE_MOUSE_BUFFER:
    case WRITE_MOUSE:
        break;
    default:
        ps2->command_byte &= (uint8_t)~CB_KEYBOARD_OFF;
        if (ps2->keyboard_command != 0)
            keyboard_data(ps2, byte);
        else
            keyboard_command(ps2, byte);
        break;
    }
}

void ps2_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct ps2 *ps2 = device;
    (void)size;
    if (port == DATA_PORT)
        data(ps2, bus, (uint8_t)value);
    else
        controller_command(ps2, bus, (uint8_t)value);
    update_line(ps2, bus);
}

uint32_t ps2_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct ps2 *ps2 = device;
    (void)size;
    if (port != DATA_PORT)
        return STATUS_UNLOCKED | (readable(ps2) ? STATUS_FULL : 0u) | ((ps2->command_byte & CB_SYSTEM) != 0 ? STATUS_SYSTEM : 0u) |
               (ps2->last_command != 0 ? STATUS_COMMAND : 0u);
    const uint8_t byte = ps2->queue[ps2->first];
    if (readable(ps2)) {
        ps2->first = (ps2->first + 1) % PS2_QUEUE;
        ps2->count--;
        bus_set_line(bus, PS2_KEYBOARD_LINE, false); /* the next byte is a new edge */
        update_line(ps2, bus);
    }
    return byte;
}
