import Foundation
import Synchronization
import Tokenizers

/// The process behind a ``CommandReward``, and the exchange of lines with it. Used from one queue only.
final class CommandProgram: Sendable {
    private struct State {
        var process: CommandProcess?
        /// Bytes that came after the last whole line.
        var rest: [UInt8] = []
        var nextID = 0
    }

    /// How long a program that answers by place is watched for a line too many: this long at least, and after its start
    /// two of its own answer times, at most the second.
    private static let (shortestWatch, longestWatch) = (Duration.milliseconds(10), Duration.seconds(2))
    private static let longestLine = 1 << 20

    private let argv: [String]
    private let timeout: Duration
    private let state = Mutex(State())

    init(argv: [String], timeout: Duration) {
        self.argv = argv
        self.timeout = timeout
    }

    deinit { state.withLock { $0.process?.stop() } }

    /// Asks all questions and waits for their answers.
    ///
    /// - Returns: the answers that are certain, by the place of their question, and why others are missing; then the
    ///   program was stopped, and the next call starts it anew.
    func ask(
        _ questions: [JSONValue], progress: () -> Bool
    ) -> (answers: [Int: CommandAnswer], problem: CommandProblem?) {
        state.withLock { state in
            let first = state.nextID
            state.nextID += questions.count
            var exchange = CommandExchange(questions: questions.count, firstID: first)
            do {
                let isNew = try start(&state)
                if !isNew, try !state.rest.isEmpty || isReadable(&state, within: .zero) {
                    // The job before has its scores already; this one is asked of a new program.
                    stop(&state)
                    _ = try start(&state)
                }
                var text: [UInt8] = []
                for (place, question) in questions.enumerated() { text += Self.line(question, id: first + place) }
                let begun = ContinuousClock.now
                try exchangeLines(&state, text, &exchange, progress)
                if !exchange.isByID {
                    let pace = (ContinuousClock.now - begun) / max(1, questions.count)
                    let watch = isNew ? min(Self.longestWatch, max(Self.shortestWatch, pace * 2)) : Self.shortestWatch
                    if try !state.rest.isEmpty || isReadable(&state, within: watch) { throw CommandProblem.tooMany }
                }
            } catch {
                stop(&state)
                return (exchange.certain, error as? CommandProblem ?? .cannotStart("\(error)"))
            }
            return (exchange.answers, nil)
        }
    }

    private static func line(_ question: JSONValue, id: Int) -> [UInt8] {
        let members = (question.members ?? []) + [.init(CommandAnswer.idKey, .integer(id))]
        return Array(JSONValue.object(members).json.utf8) + [UInt8(ascii: "\n")]
    }

    /// - Returns: whether a process was started.
    private func start(_ state: inout State) throws -> Bool {
        if state.process?.isRunning == true { return false }
        stop(&state)
        state.process = try CommandProcess(argv)
        return true
    }

    private func stop(_ state: inout State) {
        state.process?.stop()
        state.process = nil
        state.rest = []
    }

    /// Writes and reads until every question is answered. The time limit covers both: a program that reads nothing is as
    /// hung as one that writes nothing.
    private func exchangeLines(
        _ state: inout State, _ text: [UInt8], _ exchange: inout CommandExchange, _ progress: () -> Bool
    ) throws {
        guard let process = state.process else { return }
        var written = 0
        var heard = ContinuousClock.now
        while !exchange.isComplete {
            guard progress() else { throw CommandProblem.cancelled }
            let left = timeout - (ContinuousClock.now - heard)
            guard left > .zero else {
                throw CommandProblem.silent(
                    seconds: timeout / .seconds(1), answers: exchange.answers.count, questions: exchange.questions,
                    said: process.lastWords)
            }
            let ready = process.wait(forWriting: written < text.count, atMost: min(left, .milliseconds(500)))
            if ready.canWrite { written += try process.write(text[written...]) }
            guard ready.canRead else { continue }
            guard let piece = process.read() else { throw process.end() }
            state.rest += piece
            while !exchange.isComplete, let newline = state.rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(state.rest[..<newline])
                state.rest.removeSubrange(...newline)
                try exchange.take(line)
                heard = .now
            }
            guard state.rest.count < Self.longestLine else { throw CommandExchange.notAnAnswer(state.rest) }
        }
    }

    private func isReadable(_ state: inout State, within limit: Duration) throws -> Bool {
        guard let process = state.process else { return false }
        guard process.wait(forWriting: false, atMost: limit).canRead else { return false }
        // Readable is also the end of a program that answers a job and leaves, which is no line too many.
        guard let piece = process.read() else { return false }
        state.rest += piece
        return !piece.isEmpty
    }
}

/// The answers of one exchange, by the place of their question.
struct CommandExchange {
    let questions: Int
    private let firstID: Int
    private(set) var answers: [Int: CommandAnswer] = [:]
    /// Whether answers name their questions; nil before the first one.
    private var isNamed: Bool?

    init(questions: Int, firstID: Int) {
        self.questions = questions
        self.firstID = firstID
    }

    var isComplete: Bool { answers.count == questions }
    var isByID: Bool { isNamed != false }
    /// Those that stand when something is wrong with another line.
    var certain: [Int: CommandAnswer] { isByID ? answers : [:] }

    mutating func take(_ line: [UInt8]) throws(CommandProblem) {
        guard let answer = CommandAnswer(line: line) else { throw Self.notAnAnswer(line) }
        // One line of another kind puts the places of all others in doubt.
        guard isNamed == nil || isNamed == (answer.id != .none) else { throw CommandProblem.onlySomeNamed }
        isNamed = answer.id != .none
        switch answer.id {
        case .none: answers[answers.count] = answer
        case .unknown(let text): throw CommandProblem.unknownID(text)
        case .question(let id):
            let (place, overflow) = id.subtractingReportingOverflow(firstID)
            guard !overflow, (0..<questions).contains(place), answers[place] == nil else {
                throw CommandProblem.unknownID("\(id)")
            }
            answers[place] = answer
        }
    }

    static func notAnAnswer(_ line: some Collection<UInt8>) -> CommandProblem {
        .notAnAnswer(String(decoding: line.prefix(120), as: UTF8.self).excerpt())
    }
}
