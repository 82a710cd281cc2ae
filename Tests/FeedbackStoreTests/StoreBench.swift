import FeedbackModel
import FeedbackStore
import Foundation
import Testing

/// A store in a folder of its own, with a machine on it as the server has one.
final class StoreBench {
    let path: String
    let store: FeedbackStore
    private let folder: String
    private(set) var writer: FeedbackWriter
    var machine: LabelMachine
    var basis: Int64
    var now: UnixMilliseconds = 1_767_225_600_000

    init(_ prompts: [PromptWithAnswers], plan: ImportPlan = ImportPlan(), settings: FeedbackSettings = .init()) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "skein-feedback-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        path = folder + "/feedback.sqlite"
        store = try FeedbackStore(path: path, isNew: true)
        try store.set(settings)
        _ = try store.add(prompts, plan: plan)
        let loaded = try store.load()
        machine = LabelMachine(settings: loaded.settings, state: loaded.state)
        basis = loaded.basis
        writer = FeedbackWriter(store: store)
    }

    deinit {
        writer.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func file(_ name: String) -> String { folder + "/" + name }

    func reload() throws {
        let loaded = try store.load()
        machine = LabelMachine(settings: loaded.settings, state: loaded.state)
        basis = loaded.basis
    }

    /// Invites and lets agree.
    @discardableResult
    func person(_ name: String, isLead: Bool = false) async throws -> PersonID {
        _ = try store.invite(name, isLead: isLead, at: now)
        try reload()
        let id = try #require(try store.people().first { $0.name == name }?.id)
        try await send(.consent(id))
        return id
    }

    @discardableResult
    func send(_ event: LabelEvent) async throws -> DeskView {
        var random = SystemRandomNumberGenerator()
        let view = try machine.handle(event, at: now, random: &random)
        try await writer.commit(machine.takeEntries(), basis: basis)
        return view
    }

    @discardableResult
    func say(
        _ person: PersonID, _ remarks: Remarks = Remarks(), _ judgement: (Lease) -> Judgement
    ) async throws -> Lease {
        guard case .task(let lease, _) = try await send(.open(person)).content else {
            throw FeedbackError(.notFound, "no task for \(person)")
        }
        try await send(
            .submit(
                person,
                Submission(
                    lease: lease.id, judgement: judgement(lease), remarks: remarks, seconds: 1.5, idleSeconds: 0.25)))
        return lease
    }

    func exported() throws -> [[String: Any]] {
        var data = Data()
        _ = try store.export(to: "test", at: now) { data += $0 }
        return try data.split(separator: UInt8(ascii: "\n")).map {
            try #require(try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
        }
    }

    static func prompt(_ text: String, _ answers: [String], kind: TaskKind? = nil) -> PromptWithAnswers {
        var prompt = PromptWithAnswers(
            content: "\"\(text)\"",
            answers: answers.enumerated().map { .init(source: "model \($0.offset)", text: $0.element) })
        prompt.kind = kind
        return prompt
    }
}
