/// A task and what has become of it.
struct TaskState: Sendable {
    var task: LabelTask
    /// Acts that count and fill the overlap.
    var votes: [ActID] = []
    /// Leases that are open and would fill it.
    var holders = 0
    /// Everybody who has answered or skipped it.
    var acted: Set<PersonID> = []
    var skips = 0
    var expiries = 0
    var adjudication: ActID?
    var isClosed = false
    /// The author whose text a reviewer sent back, and the review.
    var sentBack: (to: PersonID, by: ActID)?

    init(_ task: LabelTask) { self.task = task }

    var isGold: Bool { task.gold != nil }
    /// Whether votes are still wanted, whoever holds leases.
    var isOpen: Bool { !isClosed && !isGold && votes.count < task.wanted }
    var hasRoom: Bool { !isClosed && (isGold || votes.count + holders < task.wanted) }

    /// Whether the person could be asked, if there is room.
    func isFor(_ person: PersonID) -> Bool {
        !acted.contains(person) && !task.authors.contains(person) && task.route?.contains(person) != false
            && sentBack.map { $0.to == person } != false
    }
}

/// The tasks that want votes, in no particular order: one can be picked at random, added or removed in constant time.
struct OpenTasks: Sendable {
    private(set) var ids: [TaskID] = []
    private var places: [TaskID: Int] = [:]

    mutating func set(_ id: TaskID, isOpen: Bool) {
        if let place = places[id] {
            guard !isOpen else { return }
            places[id] = nil
            let last = ids.removeLast()
            if last != id {
                ids[place] = last
                places[last] = place
            }
        } else if isOpen {
            places[id] = ids.count
            ids.append(id)
        }
    }
}
