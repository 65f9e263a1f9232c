/* SPDX-License-Identifier: MIT */
/* The pair of 8259A interrupt controllers of a PC: initialisation words, priorities with rotation, special modes, poll, ELCR. */
#include "pic.h"

enum { CASCADE = 2, NONE = 8, SPURIOUS = 7 };
enum { ICW1 = 1u << 4, ICW1_ICW4 = 1u << 0, ICW1_SINGLE = 1u << 1, ICW4_AUTO_EOI = 1u << 1, ICW4_SFNM = 1u << 4, OCW3 = 1u << 3 };
enum { OCW3_READ = 1u << 1, OCW3_READ_ISR = 1u << 0, OCW3_POLL = 1u << 2, OCW3_MASK_CHANGE = 1u << 6, OCW3_MASK_ON = 1u << 5 };
enum { ELCR_MASTER_FIXED = 0x07, ELCR_SLAVE_FIXED = 0x21 }; /* timer, keyboard, cascade; RTC, FPU: always edge-triggered */

static unsigned at_priority(const struct pic_chip *chip, unsigned priority)
{
    return (chip->lowest + 1u + priority) & 7u;
}

/* Rank of the highest input in a set, 8 for an empty one. */
static unsigned best_priority(const struct pic_chip *chip, uint8_t set)
{
    for (unsigned priority = 0; priority < 8; priority++)
        if ((set >> at_priority(chip, priority) & 1u) != 0)
            return priority;
    return NONE;
}

/* Inputs in service that hold others back. */
static uint8_t holding(const struct pic_chip *chip)
{
    return chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
}

static int requested(const struct pic_chip *chip, bool master)
{
    const unsigned priority = best_priority(chip, chip->irr & (uint8_t)~chip->imr), held = best_priority(chip, holding(chip));
    if (priority == NONE || priority > held)
        return -1;
    const unsigned input = at_priority(chip, priority);
    if (priority == held && !(master && chip->special_fully_nested && input == CASCADE))
        return -1; /* the slave alone may interrupt its own service */
    return (int)input;
}

static void chip_line(struct pic_chip *chip, unsigned input, bool level)
{
    const uint8_t mask = (uint8_t)(1u << input);
    const bool rising = level && (chip->lines & mask) == 0;
    if ((chip->level & mask) != 0 ? level : rising)
        chip->irr |= mask;
    else if (!level)
        chip->irr &= (uint8_t)~mask;
    chip->lines = level ? chip->lines | mask : chip->lines & (uint8_t)~mask;
}

/* The slave's output is the master's input 2. */
static void cascade(struct pic *pic)
{
    chip_line(&pic->chip[0], CASCADE, requested(&pic->chip[1], false) >= 0);
}

static void chip_acknowledge(struct pic_chip *chip, unsigned input)
{
    const uint8_t mask = (uint8_t)(1u << input);
    if ((chip->level & mask) == 0)
        chip->irr &= (uint8_t)~mask;
    if (!chip->auto_eoi)
        chip->isr |= mask;
    else if (chip->rotate_on_auto_eoi)
        chip->lowest = (uint8_t)input;
}

void pic_init(struct pic *pic, bool set_up)
{
    *pic = (struct pic){.chip = {{.lowest = 7}, {.lowest = 7}}};
    if (set_up) {
        pic->chip[0].base = 0x08;
        pic->chip[1].base = 0x70;
        pic->chip[0].imr = pic->chip[1].imr = 0xff;
    }
}

void pic_set_line(void *device, unsigned line, bool level)
{
    struct pic *pic = device;
    chip_line(&pic->chip[line / 8 & 1u], line & 7u, level);
    cascade(pic);
}

bool pic_output(const struct pic *pic)
{
    return requested(&pic->chip[0], true) >= 0;
}

int pic_acknowledge(struct pic *pic)
{
    struct pic_chip *master = &pic->chip[0], *slave = &pic->chip[1];
    const int input = requested(master, true);
    if (input < 0)
        return master->base + SPURIOUS;
    if (input != CASCADE) {
        chip_acknowledge(master, (unsigned)input);
        return master->base + input;
    }
    const int second = requested(slave, false);
    chip_acknowledge(master, CASCADE);
    if (second >= 0)
        chip_acknowledge(slave, (unsigned)second);
    cascade(pic);
    return slave->base + (second < 0 ? SPURIOUS : second);
}

uint8_t pic_vector(const struct pic *pic)
{
    struct pic copy = *pic;
    return (uint8_t)pic_acknowledge(&copy);
}

bool pic_would_interrupt(const struct pic *pic, unsigned line)
{
    struct pic copy = *pic;
    pic_set_line(&copy, line, false);
    pic_set_line(&copy, line, true);
    return pic_output(&copy);
}

/* ---- registers ---- */
static void initialise(struct pic_chip *chip, uint32_t value)
{
    const uint8_t lines = chip->lines, level = chip->level;
    *chip = (struct pic_chip){.lines = lines, .level = level, .lowest = 7, .base = chip->base};
    chip->irr = lines & level;
    chip->init_step = 2;
    chip->icw4_expected = (value & ICW1_ICW4) != 0;
    chip->single = (value & ICW1_SINGLE) != 0;
}

static void next_init_word(struct pic_chip *chip, uint32_t value)
{
    if (chip->init_step == 2) {
        chip->base = (uint8_t)(value & 0xf8u);
        chip->init_step = !chip->single ? 3 : chip->icw4_expected ? 4 : 0;
    } else if (chip->init_step == 3) { /* which input the slave stands on: fixed by the board */
        chip->init_step = chip->icw4_expected ? 4 : 0;
    } else {
        chip->auto_eoi = (value & ICW4_AUTO_EOI) != 0;
        chip->special_fully_nested = (value & ICW4_SFNM) != 0;
        chip->init_step = 0;
    }
}

/* OCW2: end of interrupt and rotation. */
static void end_of_interrupt(struct pic_chip *chip, uint32_t value)
{
    enum { ROTATE = 4, SPECIFIC = 2, EOI = 1 };
    const unsigned command = value >> 5 & 7u;
    unsigned input = value & 7u;
    if (command == ROTATE || command == 0) {
        chip->rotate_on_auto_eoi = command == ROTATE;
        return;
    }
    if ((command & EOI) != 0) {
        if ((command & SPECIFIC) == 0) {
            const unsigned priority = best_priority(chip, holding(chip));
            if (priority == NONE)
                return;
            input = at_priority(chip, priority);
        }
        chip->isr &= (uint8_t) ~(1u << input);
    } else if (command == SPECIFIC) {
        return; /* no operation */
    }
    if ((command & ROTATE) != 0)
        chip->lowest = (uint8_t)input;
}

static void command_word_3(struct pic_chip *chip, uint32_t value)
{
    if ((value & OCW3_POLL) != 0)
        chip->poll = true;
    else if ((value & OCW3_READ) != 0)
        chip->read_isr = (value & OCW3_READ_ISR) != 0;
    if ((value & OCW3_MASK_CHANGE) != 0)
        chip->special_mask = (value & OCW3_MASK_ON) != 0;
}

void pic_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct pic *pic = device;
    struct pic_chip *chip = &pic->chip[port >= 0xa0];
    (void)bus;
    (void)size;
    if ((port & 1u) != 0) {
        if (chip->init_step != 0)
            next_init_word(chip, value);
        else
            chip->imr = (uint8_t)value;
    } else if ((value & ICW1) != 0) {
        initialise(chip, value);
    } else if ((value & OCW3) != 0) {
        command_word_3(chip, value);
    } else {
        end_of_interrupt(chip, value);
    }
    cascade(pic);
}

/* A poll acknowledges the highest request and tells its number. */
static uint32_t poll(struct pic *pic, struct pic_chip *chip)
{
    const int input = requested(chip, chip == &pic->chip[0]);
    chip->poll = false;
    if (input < 0)
        return 0;
    chip_acknowledge(chip, (unsigned)input);
    cascade(pic);
    return 0x80u | (uint32_t)input;
}

uint32_t pic_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct pic *pic = device;
    struct pic_chip *chip = &pic->chip[port >= 0xa0];
    (void)bus;
    (void)size;
    if (chip->poll)
        return poll(pic, chip);
    if ((port & 1u) != 0)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

uint32_t pic_elcr_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    const struct pic *pic = device;
    (void)bus;
    (void)size;
    return pic->chip[port & 1u].level;
}

void pic_elcr_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct pic *pic = device;
    struct pic_chip *chip = &pic->chip[port & 1u];
    (void)bus;
    (void)size;
    chip->level = (uint8_t)(value & ~((port & 1u) != 0 ? (uint32_t)ELCR_SLAVE_FIXED : ELCR_MASTER_FIXED));
    chip->irr = (uint8_t)((chip->irr & ~chip->level) | (chip->lines & chip->level)); /* a level is a request as it stands */
    cascade(pic);
}
