using System;

namespace Fedxr
{
    /// <summary>Chance for simulated signals: the same seed gives the same numbers everywhere.
    /// Engine-free; nothing is allocated after it is made.</summary>
    public sealed class Noise
    {
        ulong state;
        double spare;
        bool hasSpare;

        /// <param name="seed">Names the sequence.</param>
        public Noise(int seed)
        {
            state = 0x9E3779B97F4A7C15UL * (ulong)(uint)(seed + 1);
            for (int i = 0; i < 8; i++)
                Uniform();
        }

        /// <summary>Even in 0 to 1 (xorshift64*, Vigna 2016).</summary>
        public double Uniform()
        {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            return ((state * 0x2545F4914F6CDD1DUL) >> 11) / 9007199254740992.0;
        }

        /// <summary>Even in <paramref name="low"/> to <paramref name="high"/>.</summary>
        public double Uniform(double low, double high) => low + (high - low) * Uniform();

        /// <summary>One of 0 to <paramref name="n"/> - 1.</summary>
        public int Below(int n) => Math.Min(n - 1, (int)(n * Uniform()));

        /// <summary>Normal, mean 0 and deviation 1 (Marsaglia's polar method).</summary>
        public double Normal()
        {
            hasSpare = !hasSpare;
            if (!hasSpare)
                return spare;
            double x, y, s;
            do
            {
                x = 2 * Uniform() - 1;
                y = 2 * Uniform() - 1;
                s = x * x + y * y;
            }
            while (s >= 1 || s == 0);
            double scale = Math.Sqrt(-2 * Math.Log(s) / s);
            spare = y * scale;
            return x * scale;
        }

        /// <summary>e to a normal number of deviation <paramref name="spread"/>.</summary>
        public double LogNormal(double spread) => Math.Exp(spread * Normal());

        /// <summary>Exponential of mean 1: the wait for what comes once in a unit of time.</summary>
        public double Wait() => -Math.Log(1 - Uniform());
    }

    /// <summary>Noise of deviation 1 whose power falls as 1/f^slope above
    /// a lowest frequency: a sum of first-order noises an octave apart.</summary>
    public sealed class Coloured
    {
        readonly Noise noise;
        readonly double[] keep, add, level;

        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">How often <see cref="Next"/> is called.</param>
        /// <param name="lowestHz">Below this it is white.</param>
        /// <param name="slope">0 white, 1 pink, 2 a slow wander.</param>
        public Coloured(Noise noise, double rateHz, double lowestHz, double slope)
        {
            this.noise = noise;
            int octaves = Math.Max(1, (int)Math.Ceiling(Math.Log(rateHz / 4 / lowestHz, 2)) + 1);
            keep = new double[octaves];
            add = new double[octaves];
            level = new double[octaves];
            double total = 0;
            for (int i = 0; i < octaves; i++)
                total += Math.Pow(2, -i * (1 - slope));
            for (int i = 0; i < octaves; i++)
            {
                keep[i] = Math.Exp(-2 * Math.PI * Math.Pow(2, -i) / 4);
                double deviation = Math.Sqrt(Math.Pow(2, -i * (1 - slope)) / total);
                add[i] = deviation * Math.Sqrt(1 - keep[i] * keep[i]);
                level[i] = deviation * noise.Normal();
            }
        }

        /// <summary>The next value.</summary>
        public double Next()
        {
            double sum = 0;
            for (int i = 0; i < level.Length; i++)
                sum += level[i] = keep[i] * level[i] + add[i] * noise.Normal();
            return sum;
        }
    }

    /// <summary>Narrow noise of deviation 1: a sine whose height and phase wander.</summary>
    public sealed class Band
    {
        const int Stages = 8; // so many first-order stages in a row are near a Gaussian

        readonly Noise noise;
        readonly double step, share, scale;
        readonly double[] even = new double[Stages], odd = new double[Stages];
        double phase;

        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">How often <see cref="Next"/> is called.</param>
        /// <param name="centreHz">Its frequency.</param>
        /// <param name="widthHz">Deviation of the amplitude about the frequency.</param>
        public Band(Noise noise, double rateHz, double centreHz, double widthHz)
        {
            this.noise = noise;
            step = 2 * Math.PI * centreHz / rateHz;
            // (1 + (f/c)^2)^(-n/2) is near exp(-f^2/(2 w^2)) for c = w sqrt n
            share = 1 - Math.Exp(-2 * Math.PI * widthHz * Math.Sqrt(Stages) / rateHz);
            double power = 0;
            for (int i = 0; i < 64 / share; i++)
            {
                double response = Smooth(even, i == 0 ? 1 : 0);
                power += response * response;
            }
            scale = 1 / Math.Sqrt(power);
            for (int i = 0; i < 64 / share; i++)
                Next();
        }

        /// <summary>The next value.</summary>
        public double Next()
        {
            phase = (phase + step) % (2 * Math.PI);
            return scale * (Smooth(even, noise.Normal()) * Math.Cos(phase)
                + Smooth(odd, noise.Normal()) * Math.Sin(phase));
        }

        double Smooth(double[] stages, double x)
        {
            for (int i = 0; i < Stages; i++)
                x = stages[i] += share * (x - stages[i]);
            return x;
        }
    }

    /// <summary>Smooth wandering of deviation about 1: four slow sines of random phase and rate.</summary>
    public sealed class Wander
    {
        const int Waves = 4;

        readonly double[] rate = new double[Waves], phase = new double[Waves];

        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="speedHz">About how often it comes and goes.</param>
        public Wander(Noise noise, double speedHz)
        {
            for (int i = 0; i < Waves; i++)
            {
                rate[i] = 2 * Math.PI * speedHz * noise.Uniform(0.3, 1.3);
                phase[i] = noise.Uniform(0, 2 * Math.PI);
            }
        }

        /// <summary>The value at <paramref name="t"/> seconds.</summary>
        public double At(double t)
        {
            double sum = 0;
            for (int i = 0; i < Waves; i++)
                sum += Math.Sin(rate[i] * t + phase[i]);
            return sum / Math.Sqrt(2);
        }
    }
}
