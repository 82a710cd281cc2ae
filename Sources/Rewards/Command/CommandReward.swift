import Dispatch
import Tokenizers

/// An external program that reads a JSON object a line and answers a JSON object a line. It is kept alive between calls and
/// started again when it fails; no shell is involved.
///
/// A question has `prompt` and `response`; `extra`, an object of the other columns of the prompt's line; `messages` when the
/// prompt is a conversation; `request_id`, a number; and each of those columns by its own name too, unless it is one of
/// these five. An answer is `{"score": 0.5}`. A program that has no score says `{"score": null}` or `{"error": "why"}`. All answers of a
/// job are asked at once, and the program answers at its own pace: in their order, or in any order when it gives
/// `request_id` back.
///
///     (1) all at once --every line came--> done
///          | a line too many or too few, one that is no answer, silence, or the program's end
///          v
///     (2) one at a time, in a program started anew: only the answer that fails again and again has no reward
///
/// Without `request_id` a score belongs to an answer by its place alone, so whatever is wrong with one line puts all
/// scores of the job in doubt: none of them is used, and (2) finds out which answer it was.
package final class CommandReward: RewardFunction, Sendable {
    /// Answers in a row that failed for good, after which the rest of the job is not tried when none has succeeded, or when
    /// it was by silence to several prompts: each would be waited for as long. One prompt may be what a program hangs at.
    private static let hopeless = 3

    package let name: String
    private let program: CommandProgram
    private let retries: Int
    private let queue: DispatchQueue

    /// - Parameters:
    ///   - timeout: seconds without an answer after which the program counts as hung.
    ///   - retries: further attempts for an answer, after that of the whole job.
    package init(name: String, argv: [String], timeout: Double, retries: Int) {
        self.name = name
        self.retries = retries
        queue = DispatchQueue(label: "skein.reward.\(name)")
        program = CommandProgram(argv: argv, timeout: .seconds(timeout))
    }

    package func score(_ inputs: [RewardInput]) async throws -> [Float?] {
        try await score(inputs, context: RewardContext(progress: { true }, note: { _ in }))
    }

    package func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?] {
        try await withCheckedThrowingContinuation { continuation in
            // Waiting for a program blocks, which threads of the concurrency pool must not.
            queue.async { [self] in
                continuation.resume(with: Result { try values(inputs, context) })
            }
        }
    }

    private func values(_ inputs: [RewardInput], _ context: RewardContext) throws -> [Float?] {
        if inputs.contains(where: \.hasNumbersBeyondJSON) { context.note(RewardInput.beyondJSON(name)) }
        let questions = inputs.map { Self.question($0) }
        var answers = [CommandAnswer?](repeating: nil, count: inputs.count)
        var last = try attempt(questions, Array(inputs.indices), &answers, context)
        var failures = 0
        var silentPrompts: [String] = []
        for index in inputs.indices where answers[index] == nil {
            var wasSilent = false
            for _ in 0..<retries where answers[index] == nil {
                let problem = try attempt(questions, [index], &answers, context)
                wasSilent = problem?.isSilence == true
                last = problem ?? last
            }
            failures = answers[index] == nil ? failures + 1 : 0
            silentPrompts = answers[index] == nil && wasSilent ? silentPrompts + [inputs[index].prompt] : []
            let isSilent = silentPrompts.count >= Self.hopeless && Set(silentPrompts).count > 1
            guard isSilent || failures >= Self.hopeless && answers.allSatisfy({ $0 == nil }) else { continue }
            let left = answers[index...].count { $0 == nil } - 1
            if left > 0 {
                let others = left == 1 ? "another one is" : "\(left) others are"
                let why = last.map { ": \($0)" } ?? ""
                context.outage("reward \(name): \(failures) answers in a row failed, and \(others) not tried\(why)")
            }
            break
        }
        let refused = answers.compactMap { $0?.refusal }
        if let first = refused.first {
            context.note("reward \(name): the program gave no score to \(refused.count) answers: \(first)")
        }
        return answers.map { $0?.score }
    }

    /// - Parameter asked: indices of the questions to ask; their answers are filled in as far as they are certain.
    /// - Returns: what kept some of them from an answer.
    private func attempt(
        _ questions: [JSONValue], _ asked: [Int], _ answers: inout [CommandAnswer?], _ context: RewardContext
    ) throws -> CommandProblem? {
        let reply = program.ask(asked.map { questions[$0] }, progress: context.progress)
        for (place, answer) in reply.answers { answers[asked[place]] = answer }
        switch reply.problem {
        case nil: break
        case .cancelled: throw CancellationError()
        case .cannotStart(let why): throw RewardError("reward \(name): \(why)", isPermanent: true)
        case .some(let problem) where context.isTrial:
            throw RewardError("reward \(name): \(problem)", isPermanent: true)
        case .some(let problem):
            context.outage("reward \(name): \(problem)")
        }
        return reply.problem
    }

    static func question(_ item: RewardInput) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("prompt", .string(item.prompt)), .init("response", .string(item.response)),
            .init("extra", item.extra),
        ]
        if let messages = item.messages { members.append(.init("messages", messages)) }
        let taken: Set = ["prompt", "response", "extra", "messages", CommandAnswer.idKey]
        members += (item.extra.members ?? []).filter { !taken.contains($0.key) }
        return JSONValue.object(members).finite
    }
}
