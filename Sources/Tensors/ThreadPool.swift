import CKernels
import Glibc
import Seats
import Synchronization

/// A fixed number of threads for loops whose iterations are independent.
///
/// The threads start with the first loop that can use them, spin for some microseconds between loops that follow
/// each other closely, and otherwise sleep.
public final class ThreadPool: Sendable {
    /// Threads that take part in a loop, the calling one included.
    public let threads: Int

    /// The process's pool: `LORGNETTE_THREADS` threads, or as many as CPUs are online.
    public static let shared = ThreadPool(
        threads: count(asked: getenv("LORGNETTE_THREADS").map { String(cString: $0) }))

    private let crew: Crew
    private let seat = Seat.own

    /// A pool of `threads` (at least 1); none is started yet.
    public init(threads: Int) {
        self.threads = max(1, threads)
        crew = Crew(helpers: self.threads - 1)
        if threads > 1 { seat?.useMany() }
    }

    deinit { crew.dismiss() }

    /// Calls `body` once for each of 0..<tasks, on several threads and in any order, and returns when all have returned.
    ///
    /// While a loop runs, another one, nested or from another thread, runs wholly on its own calling thread. Fewer threads
    /// take part while other workers of the run compute.
    public func run(_ tasks: Int, _ body: (Int) -> Void) {
        let wanted = min(tasks, threads)
        let allowed = wanted > 1 ? seat?.threads(of: wanted, processors: ThreadPool.processors) ?? wanted : wanted
        guard allowed > 1, crew.acquire() else {
            for i in 0..<max(0, tasks) { body(i) }
            return
        }
        defer { crew.release() }
        withoutActuallyEscaping(body) { crew.run(tasks, helpers: allowed - 1, $0) }
    }

    private static let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    static func count(asked: String?) -> Int {
        if let asked, let threads = Int(asked), threads > 0 { return min(threads, 1024) }
        return processors
    }
}

/// What the pool's threads share. They own it, too, so that a pool may go while they leave.
private final class Crew: @unchecked Sendable {
    private let helpers: Int
    private let busy = Atomic<Bool>(false)
    /// Loop number in the high half, tasks not yet taken in the low half: one word, so that
    /// a thread that comes late can never take a task of a loop it has not seen.
    private let open = Atomic<UInt64>(0)
    private let unfinished = Atomic<Int>(0)
    private let dismissed = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    /// The helpers that may take part in the loop: those with smaller numbers.
    private let allowed = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    /// Tasks that helpers have taken.
    private let helped = Atomic<Int>(0)
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let work = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Written by the thread that holds `busy` and only between loops; read by who has taken a task.
    private var started = false
    private var tasks = 0
    /// The first task of the helpers' part.
    private var middle = 0
    private var body: ((Int) -> Void)?

    init(helpers: Int) {
        self.helpers = helpers
        pthread_mutex_init(lock, nil)
        pthread_cond_init(work, nil)
        pthread_cond_init(done, nil)
    }

    deinit {
        pthread_cond_destroy(done)
        pthread_cond_destroy(work)
        pthread_mutex_destroy(lock)
        done.deallocate()
        work.deallocate()
        lock.deallocate()
    }

    func acquire() -> Bool { busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged }

    func release() { busy.store(false, ordering: .releasing) }

    func dismiss() {
        dismissed.store(true, ordering: .sequentiallyConsistent)
        wake()
    }

    /// Runs the loop; the caller holds `busy`.
    func run(_ tasks: Int, helpers: Int, _ body: @escaping (Int) -> Void) {
        if !started { start() }
        allowed.store(helpers, ordering: .sequentiallyConsistent)
        self.tasks = tasks
        middle = tasks / (helpers + 1)
        helped.store(0, ordering: .relaxed)
        self.body = body
        unfinished.store(tasks, ordering: .relaxed)
        let loop = (open.load(ordering: .relaxed) >> 32) &+ 1
        open.store(loop << 32 | UInt64(tasks), ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wake() }
        var own = 0
        takeTasks {
            own += 1
            return own <= middle ? own - 1 : tasks - (own - middle)
        }
        if !spin(until: { unfinished.load(ordering: .acquiring) == 0 }) {
            pthread_mutex_lock(lock)
            callerSleeps.store(true, ordering: .sequentiallyConsistent)
            while unfinished.load(ordering: .sequentiallyConsistent) > 0 { pthread_cond_wait(done, lock) }
            callerSleeps.store(false, ordering: .relaxed)
            pthread_mutex_unlock(lock)
        }
        self.body = nil
    }

    /// The caller takes the first tasks, one after another, helpers those from the middle on: what tasks that follow one another
    /// read lies together, and a processor asks memory for it in time. Whoever has finished a part takes the other's last tasks.
    ///
    /// - Parameter next: the number of a task, called once for each that was won.
    private func takeTasks(_ next: () -> Int) {
        var seen = open.load(ordering: .acquiring)
        while true {
            let left = seen & 0xffff_ffff
            if left == 0 { return }
            let (taken, now) = open.compareExchange(
                expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
            guard taken else {
                seen = now
                continue
            }
            body?(next())
            if unfinished.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
                callerSleeps.load(ordering: .sequentiallyConsistent)
            {
                pthread_mutex_lock(lock)
                pthread_cond_signal(done)
                pthread_mutex_unlock(lock)
            }
            seen = open.load(ordering: .acquiring)
        }
    }

    private func helpersNext() -> Int {
        let taken = helped.add(1, ordering: .relaxed).oldValue
        return middle + taken < tasks ? middle + taken : tasks - 1 - taken
    }

    private func isCalled(_ helper: Int) -> Bool {
        open.load(ordering: .sequentiallyConsistent) & 0xffff_ffff > 0
            && helper < allowed.load(ordering: .sequentiallyConsistent)
            || dismissed.load(ordering: .sequentiallyConsistent)
    }

    private func wake() {
        pthread_mutex_lock(lock)
        pthread_cond_broadcast(work)
        pthread_mutex_unlock(lock)
    }

    private func help(_ number: Int) {
        while !dismissed.load(ordering: .sequentiallyConsistent) {
            if isCalled(number) { takeTasks(helpersNext) }
            if spin(until: { isCalled(number) }) { continue }
            pthread_mutex_lock(lock)
            sleepers.add(1, ordering: .sequentiallyConsistent)
            while !isCalled(number) { pthread_cond_wait(work, lock) }
            sleepers.subtract(1, ordering: .sequentiallyConsistent)
            pthread_mutex_unlock(lock)
        }
    }

    /// Waits at most about 20 µs for the condition; false if it did not come true.
    private func spin(until condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .microseconds(20)
        repeat {
            for _ in 0..<32 {
                if condition() { return true }
                lk_pause()
            }
        } while ContinuousClock.now < end
        return false
    }

    /// What a new thread is told.
    private final class Helper {
        let crew: Crew
        let number: Int

        init(crew: Crew, number: Int) { (self.crew, self.number) = (crew, number) }
    }

    private func start() {
        started = true
        // A helper takes no signals: they are for the threads that know what to do with them.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        for number in 0..<helpers {
            let helper = Unmanaged.passRetained(Helper(crew: self, number: number))
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    let helper = Unmanaged<Helper>.fromOpaque(argument).takeRetainedValue()
                    helper.crew.help(helper.number)
                    return nil
                }, helper.toOpaque())
            // Fewer threads than asked for are slower, not wrong.
            if status == 0 { pthread_detach(thread) } else { helper.release() }
        }
    }
}
