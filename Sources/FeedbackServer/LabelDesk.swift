import FeedbackModel
import FeedbackStore

/// The labelling machine with its store: carries out what the machine says, and has no rule of its own.
///
/// A reply is given when everything that the machine wrote up to then is on disk. When another process has changed the store,
/// the machine is made anew from it and the request is asked again; nothing of it had been written. Owned by the server.
/// Shutdown: `close()`.
actor LabelDesk {
    /// The answer to one request.
    struct Reply: Sendable {
        var view: DeskView
        var person: Person
        var settings: FeedbackSettings
        /// What the person starts from, when they took an answer back or got it back.
        var draft: Act?
        /// What the reviewer wrote who sent the text back.
        var note: String?
        /// What others said, for the lead who settles it.
        var votes: [(pseudonym: String, act: Act)] = []
    }

    private static let attempts = 5

    private let store: FeedbackStore
    private let writer: FeedbackWriter
    private let selection: any TaskSelection
    private let now: @Sendable () -> UnixMilliseconds
    private let onFailure: @Sendable (FeedbackError) -> Void
    private var machine: LabelMachine
    private var basis: Int64
    private var random = SystemRandomNumberGenerator()

    init(
        store: FeedbackStore, selection: any TaskSelection, now: @escaping @Sendable () -> UnixMilliseconds,
        onFailure: @escaping @Sendable (FeedbackError) -> Void
    ) throws {
        self.store = store
        self.selection = selection
        self.now = now
        self.onFailure = onFailure
        let loaded = try store.load()
        machine = LabelMachine(settings: loaded.settings, selection: selection, state: loaded.state)
        basis = loaded.basis
        writer = FeedbackWriter(store: store)
    }

    nonisolated func close() { writer.close() }

    /// - Parameter event: made of the machine as it is now, since a request names places and the machine answers.
    func ask(_ event: @Sendable (LabelMachine) throws -> LabelEvent) async throws -> Reply {
        try await durably { desk in
            let event = try event(desk.machine)
            let view = try desk.machine.handle(event, at: desk.now(), random: &desk.random)
            return try desk.reply(view, to: event.person)
        }
    }

    /// A question that changes nothing.
    func look<Value: Sendable>(_ body: @Sendable (LabelMachine) throws -> Value) async throws -> Value {
        try await durably { desk in try body(desk.machine) }
    }

    private func durably<Value: Sendable>(_ body: (isolated LabelDesk) throws -> Value) async throws -> Value {
        for _ in 0..<Self.attempts {
            let before = basis
            let result = Result { try body(self) }
            // Also when it was refused: leases may have run out meanwhile.
            let entries = machine.takeEntries()
            do {
                try await writer.commit(entries, basis: before)
            } catch is StoreChanged {
                try makeAnew(from: before)
                continue
            } catch {
                if let failure = error as? FeedbackError { onFailure(failure) }
                throw error
            }
            return try result.get()
        }
        throw FeedbackError(.io, "the store is being changed all the time; try again")
    }

    /// - Parameter old: what the caller's machine was made of; another caller may have been here before.
    private func makeAnew(from old: Int64) throws {
        guard basis == old else { return }
        let loaded = try store.load()
        machine = LabelMachine(settings: loaded.settings, selection: selection, state: loaded.state)
        basis = loaded.basis
    }

    private func reply(_ view: DeskView, to id: PersonID) throws -> Reply {
        guard let person = machine.person(id) else {
            throw Refusal(.unknownPerson, "this link is not valid any more")
        }
        var reply = Reply(view: view, person: person, settings: machine.settings)
        if case .task(let lease, let task) = view.content {
            reply.draft = lease.draft.flatMap { machine.act($0) }
            reply.note = machine.reviewBehind(lease)?.remarks.comment
            if lease.isAdjudication {
                reply.votes = machine.votes(on: task.id).map { act in
                    (machine.person(act.person)?.pseudonym ?? "", act)
                }
            }
        }
        return reply
    }
}
