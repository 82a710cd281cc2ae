// A few threads that wait for work by spinning, so that the hundreds of short pieces of one decode step do not pay for a
// sleep and a wake-up each.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ctorch {

class Team {
   public:
    /// `count` members, the caller among them.
    explicit Team(int count) : count_(count) {
        for (int member = 1; member < count; member++) threads_.emplace_back([this, member] { serve(member); });
    }

    ~Team() {
        {
            std::lock_guard<std::mutex> held(mutex_);
            leaving_ = true;
        }
        wake_.notify_all();
        for (auto &thread : threads_) thread.join();
    }

    Team(const Team &) = delete;
    Team &operator=(const Team &) = delete;

    int count() const { return count_; }

    /// Runs `work(member)` on every member; returns when all are done. `work` may call barrier() and must not throw.
    void run(const std::function<void(int)> &work) {
        if (count_ == 1) return work(0);
        {
            std::lock_guard<std::mutex> held(mutex_);
            work_ = &work;
            done_.store(0, std::memory_order_relaxed);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        work(0);
        for (int spins = 0; done_.load(std::memory_order_acquire) != count_ - 1; spins++) relax(spins);
    }

    /// Every member waits here for all others.
    void barrier() {
        if (count_ == 1) return;
        int phase = phase_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) == count_ - 1) {
            arrived_.store(0, std::memory_order_relaxed);
            phase_.store(phase + 1, std::memory_order_release);
            return;
        }
        for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; spins++) relax(spins);
    }

   private:
    /// One round of waiting for another member.
    static void relax(int spins) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        // It may have lost its core to another process, perhaps this very one.
        if (spins > 2000) std::this_thread::yield();
    }

    void serve(int member) {
        long seen = 0;
        while (true) {
            {
                std::unique_lock<std::mutex> held(mutex_);
                wake_.wait(held, [&] { return leaving_ || round_.load(std::memory_order_acquire) != seen; });
                if (leaving_) return;
                seen = round_.load(std::memory_order_acquire);
            }
            (*work_)(member);
            done_.fetch_add(1, std::memory_order_acq_rel);
        }
    }

    const int count_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable wake_;
    const std::function<void(int)> *work_ = nullptr;
    bool leaving_ = false;
    std::atomic<long> round_{0};
    std::atomic<int> done_{0}, arrived_{0}, phase_{0};
};

}  // namespace ctorch
