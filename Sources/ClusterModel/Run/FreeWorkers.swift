import HeapModule

/// Workers with free slots, those with the least to do first, by what they can do.
///
///     (1) noted with free slots -> FREE --(2) next--> leased a job, and noted again
///     FREE --(3) noted without--> gone;  --(4) put back: what is pending is not for it--> FREE
///
/// What a worker costs when nothing of it changes is nothing. An entry of which the worker has a newer one is dropped where
/// it comes up.
struct FreeWorkers: Sendable {
    struct Entry: Sendable, Comparable {
        var taken: Int
        var free: Int
        var id: WorkerID
        fileprivate var capabilities: Capabilities
        fileprivate var number: UInt64

        /// No worker gets a second job while another one has none.
        static func < (a: Entry, b: Entry) -> Bool {
            (a.taken, b.free, a.id, a.number) < (b.taken, a.free, b.id, b.number)
        }

        static func == (a: Entry, b: Entry) -> Bool { a.number == b.number }
    }

    private struct Group: Sendable {
        var capabilities: Capabilities
        var heap = Heap<Entry>()
    }

    private var groups: [Group] = []
    /// Where in ``groups``.
    private var places: [Capabilities: Int] = [:]
    /// The entry of each that counts.
    private var current: [WorkerID: Entry] = [:]
    private var number: UInt64 = 0

    /// Edges 1 and 3.
    mutating func note(_ id: WorkerID, _ capabilities: Capabilities, taken: Int, free: Int) {
        guard free > 0 else {
            current[id] = nil
            return
        }
        if let known = current[id], known.taken == taken, known.free == free, known.capabilities == capabilities {
            return
        }
        number += 1
        put(Entry(taken: taken, free: free, id: id, capabilities: capabilities, number: number))
    }

    /// Edge 3.
    mutating func forget(_ id: WorkerID) { current[id] = nil }

    /// Edge 2. It has to be noted again, or put back.
    mutating func next(where canDo: (Capabilities) -> Bool) -> Entry? {
        var best: Entry?
        for place in groups.indices.reversed() where canDo(groups[place].capabilities) {
            while let first = groups[place].heap.min, current[first.id] != first { groups[place].heap.removeMin() }
            guard let first = groups[place].heap.min else {
                forgetGroup(at: place)
                continue
            }
            if best.map({ first < $0 }) ?? true { best = first }
        }
        guard let best, let place = places[best.capabilities] else { return nil }
        groups[place].heap.removeMin()
        current[best.id] = nil
        return best
    }

    /// Edge 4.
    mutating func put(_ entry: Entry) {
        current[entry.id] = entry
        let place = places[entry.capabilities] ?? groups.count
        if place == groups.count {
            groups.append(Group(capabilities: entry.capabilities))
            places[entry.capabilities] = place
        }
        groups[place].heap.insert(entry)
        guard groups[place].heap.count > 2 * current.count + 64 else { return }
        groups[place].heap = Heap(groups[place].heap.unordered.filter { current[$0.id] == $0 })
    }

    private mutating func forgetGroup(at place: Int) {
        places[groups[place].capabilities] = nil
        let last = groups.removeLast()
        guard place < groups.count else { return }
        groups[place] = last
        places[last.capabilities] = place
    }
}
