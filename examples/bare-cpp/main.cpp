// The same as bare-c in C++: the class owns the workspace, a call is a method.
#include <digits.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

class Digits
{
  public:
    using Picture = std::array<float, DIGITS_IN_0_BYTES / sizeof(float)>;
    using Scores = std::array<float, DIGITS_OUT_0_BYTES / sizeof(float)>;

    // 0, or an LPC_RUN_ code.
    int operator()(const Picture &picture, Scores &scores)
    {
        const void *in[DIGITS_INPUTS] = {picture.data()};
        void *out[DIGITS_OUTPUTS] = {scores.data()};
        return digits_run(in, out, nullptr, workspace, nullptr, nullptr);
    }

  private:
    alignas(64) unsigned char workspace[DIGITS_WORKSPACE_BYTES];
};

int main()
{
    static const char drawn[] = "00059200"
                                "00999900"
                                "03900920"
                                "04900760"
                                "05700660"
                                "04900890"
                                "02996990"
                                "00699100";
    alignas(64) static Digits::Picture picture;
    alignas(64) static Digits::Scores scores;
    std::transform(picture.begin(), picture.end(), drawn, picture.begin(),
                   [](float, char c) { return static_cast<float>(c - '0') * 16 / 9; });
    static Digits digits;
    if (int code = digits(picture, scores)) {
        std::fprintf(stderr, "digits: %d\n", code);
        return 1;
    }
    auto best = std::max_element(scores.begin(), scores.end());
    std::printf("%d %.6f\n", static_cast<int>(std::distance(scores.begin(), best)),
                static_cast<double>(*best));
}
