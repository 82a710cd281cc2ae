import Torch

/// Answers on their way through the fused decoder: a fixed number of slots, each of which a waiting answer takes as soon as
/// the one before has ended.
///
/// Prompts are read by the same steps that continue answers, so that a late one costs no pass over the weights of its own.
/// Who is where decides about speed alone: a row's logits depend on its own tokens.
final class ContinuousBatch {
    /// Rows of one step, unless there are more slots: enough for the products to be bound by arithmetic, few enough for the
    /// sums of one panel to stay in the first-level cache.
    private static let rowsOfAStep = 128

    private struct Row {
        let answer: Int
        let slot: Int32
        var position: Int32
        var token: Int32
    }

    /// A prompt that is being read, for one answer or several.
    private struct Reading {
        let tokens: [Int32]
        let answers: [Int]
        /// One for each answer. The prompt is read in the first and copied to the others.
        let slots: [Int32]
        var read = 0
        var left: Int { tokens.count - read }
    }

    private let decoder: FusedDecoder
    private let cache: FusedDecoder.Cache
    private let mostRows: Int
    private var free: [Int32]
    private var readings: [Reading] = []
    private var rows: [Row] = []

    /// - Parameter capacity: positions of the longest answer with its prompt.
    init(_ decoder: FusedDecoder, slots: Int, capacity: Int) throws {
        self.decoder = decoder
        cache = try FusedDecoder.Cache(decoder, slots: slots, capacity: capacity)
        free = (0..<slots).reversed().map(Int32.init)
        mostRows = max(Self.rowsOfAStep, slots)
    }

    var freeSlots: Int { free.count }
    var isEmpty: Bool { rows.isEmpty && readings.isEmpty }

    /// Takes in a prompt for as many answers as there are numbers.
    ///
    /// - Throws: when there are more than ``freeSlots``.
    func admit(_ prompt: [Int32], answers: [Int]) throws {
        guard answers.count <= free.count else {
            throw LanguageModelError(.argument, "\(answers.count) answers do not fit \(free.count) slots")
        }
        let slots = answers.compactMap { _ in free.popLast() }
        readings.append(Reading(tokens: prompt, answers: answers, slots: slots))
    }

    /// One pass over the weights.
    ///
    /// - Returns: logits [n, V] for the next token of the `answers`; none when only parts of prompts were read.
    func step() throws -> (logits: Tensor, answers: [Int]) {
        var input = Input()
        var room = mostRows - rows.count
        if readings.reduce(0, { $0 + $1.left }) > room {
            // More to read than fits beside the answers: they wait, so that all go on together.
            room = mostRows
        } else {
            for row in rows { input.append(row.token, row.position, row.slot, wanted: [row.answer]) }
        }
        let continued = input.tokens.isEmpty ? 0 : rows.count
        var finished = 0
        for index in readings.indices where room > 0 {
            let reading = readings[index]
            let some = min(room, reading.left)
            for place in reading.read..<reading.read + some {
                let isLast = place + 1 == reading.tokens.count
                input.append(
                    reading.tokens[place], Int32(place), reading.slots[0], wanted: isLast ? reading.answers : [])
            }
            readings[index].read += some
            room -= some
            if readings[index].left == 0 { finished += 1 }
        }
        let logits = try decoder.step(
            cache, tokens: input.tokens, positions: input.positions, slots: input.slots, wanted: input.wanted)
        for index in 0..<continued { rows[index].position += 1 }
        for reading in readings.prefix(finished) {
            for (answer, slot) in zip(reading.answers, reading.slots) {
                if slot != reading.slots[0] {
                    try cache.copy(from: reading.slots[0], to: slot, length: reading.tokens.count)
                }
                rows.append(Row(answer: answer, slot: slot, position: Int32(reading.tokens.count), token: 0))
            }
        }
        readings.removeFirst(finished)
        let repeated = input.answers.count > input.wanted.count
        return (repeated ? try logits.indexSelect(0, Tensor.of(input.places)) : logits, input.answers)
    }

    /// The next token of each answer of the last step; those that have ended leave their slots.
    func goOn(_ tokens: [Int: Int32], ended: Set<Int>) {
        for index in rows.indices {
            if let token = tokens[rows[index].answer] { rows[index].token = token }
            if ended.contains(rows[index].answer) { free.append(rows[index].slot) }
        }
        rows.removeAll { ended.contains($0.answer) }
    }

    /// What a step is given, and whom its logits are for.
    private struct Input {
        var tokens: [Int32] = []
        var positions: [Int32] = []
        var slots: [Int32] = []
        var wanted: [Int32] = []
        var answers: [Int] = []
        /// Of each answer, which of the wanted rows.
        var places: [Int64] = []

        mutating func append(_ token: Int32, _ position: Int32, _ slot: Int32, wanted answers: [Int]) {
            if !answers.isEmpty {
                places += answers.map { _ in Int64(wanted.count) }
                wanted.append(Int32(tokens.count))
                self.answers += answers
            }
            tokens.append(token)
            positions.append(position)
            slots.append(slot)
        }
    }
}
