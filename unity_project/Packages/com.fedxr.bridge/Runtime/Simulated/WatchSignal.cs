using System;

namespace Fedxr
{
    /// <summary>How far each of the five doings (sitting, walking, turning, reaching, waving) is under
    /// way: a change takes 0.15 s.</summary>
    sealed class Doing
    {
        internal const int Sitting = 0, Walking = 1, Turning = 2, Reaching = 3, Waving = 4;
        const double ChangeSeconds = 0.15;

        readonly IStates states;
        readonly double most;
        readonly double[] share = new double[5];

        internal Doing(IStates states, double rateHz)
        {
            this.states = states;
            most = 1 / (ChangeSeconds * rateHz);
            share[states.StateOf("doing")] = 1;
        }

        internal double this[int doing] => share[doing];

        internal void Next()
        {
            int now = states.StateOf("doing");
            for (int i = 0; i < share.Length; i++)
                share[i] += Math.Max(-most, Math.Min(most, (i == now ? 1 : 0) - share[i]));
        }
    }

    /// <summary>Minimum-jerk strokes of an arm, there and back.</summary>
    sealed class Strokes
    {
        readonly Noise noise;
        readonly double every;
        double from, to, begun, lasts = 1, next;

        internal Strokes(Noise noise, double every)
        {
            this.noise = noise;
            this.every = every;
            next = noise.Uniform(0, every);
        }

        internal double At(double t)
        {
            if (t >= next)
            {
                from = to;
                to = from <= 0 ? noise.Uniform(0.6, 1.2) : 0;
                begun = t;
                lasts = noise.Uniform(0.5, 0.8);
                next = t + every * noise.Uniform(0.7, 1.3);
            }
            double s = Math.Min(1, (t - begun) / lasts);
            return from + (to - from) * s * s * s * (10 - 15 * s + 6 * s * s);
        }
    }

    /// <summary>A watch on the wrist: acceleration with gravity (m/s^2) and angular rate (rad/s) in its
    /// own axes, which show what somebody is <c>doing</c>, and a little their <c>mood</c>. See
    /// <c>scenarios/worlds/movement.py</c>.</summary>
    public sealed class WatchSignal : Signal
    {
        readonly Noise noise;
        readonly IStates states;
        readonly Doing doing;
        readonly Strokes strokes;
        readonly Wander fidget;
        readonly double[] agitation, up, axis, across, push, down = new double[3];
        readonly double stepHz, swing, step, stepTwice, turningSteps, turn, wave, waveHz, reach, reachM,
            rocking, restlessness, gravity, rateHz, along;
        readonly bool beckons;
        double lastAngle, lastReach, beforeReach;
        bool begun;

        /// <param name="model">The scenario's model <c>movement</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">Samples per second.</param>
        public WatchSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            this.noise = noise;
            this.states = states;
            this.rateHz = rateHz;
            doing = new Doing(states, rateHz);
            strokes = new Strokes(noise, model.Number("reach_every_s"));
            fidget = new Wander(noise, 1.5);
            agitation = model.Numbers("agitation");
            stepHz = model.Number("step_hz");
            swing = model.Number("swing");
            step = model.Number("step");
            stepTwice = model.Number("step_twice");
            turningSteps = model.Number("turning_steps");
            turn = model.Number("turn_rad_s");
            wave = model.Number("wave");
            waveHz = model.Number("wave_hz");
            reach = model.Number("reach");
            reachM = model.Number("reach_m");
            rocking = model.Number("rocking");
            restlessness = model.Number("restlessness");
            gravity = model.Number("gravity");
            beckons = model.Flag("beckons");
            up = Direction();
            axis = Direction();
            push = Direction();
            across = Cross(axis, up);
            along = axis[0] * up[0] + axis[1] * up[1] + axis[2] * up[2];
        }

        /// <inheritdoc/>
        public override int Width => 6;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            doing.Next();
            double size = agitation[states.StateOf("mood")];
            double phase = 2 * Math.PI * stepHz * t, stroke = size * strokes.At(t);
            double waving = Math.Sin(2 * Math.PI * waveHz * t);
            double angle = doing[Doing.Walking] * swing * size * Math.Sin(phase / 2)
                + doing[Doing.Waving] * wave * size * (beckons ? 0.6 * strokes.At(t) : waving)
                + doing[Doing.Reaching] * reach * stroke
                + doing[Doing.Sitting] * rocking * size * waving
                + 0.09 * restlessness * size * fidget.At(t);
            double steps = (doing[Doing.Walking] + turningSteps * doing[Doing.Turning])
                * (step * Math.Sin(phase) + stepTwice * Math.Sin(2 * phase + 1));
            Turn(-angle);
            Write(into, at, angle, gravity + size * steps, doing[Doing.Reaching] * reachM * stroke);
        }

        void Write(float[] into, int at, double angle, double pull, double reached)
        {
            if (!begun)
            {
                begun = true;
                lastAngle = angle;
                lastReach = beforeReach = reached;
            }
            double rate = (angle - lastAngle) * rateHz;
            double pushed = (reached - 2 * lastReach + beforeReach) * rateHz * rateHz;
            lastAngle = angle;
            beforeReach = lastReach;
            lastReach = reached;
            double yaw = doing[Doing.Turning] * turn;
            for (int i = 0; i < 3; i++)
            {
                into[at + i] = (float)(down[i] * pull + pushed * push[i] + 0.15 * noise.Normal());
                into[at + 3 + i] = (float)(rate * axis[i] + yaw * down[i] + 0.03 * noise.Normal());
            }
        }

        /// <summary>Where the vertical lies in the watch's axes when the arm has turned by
        /// <paramref name="angle"/> (Rodrigues).</summary>
        void Turn(double angle)
        {
            double c = Math.Cos(angle), s = Math.Sin(angle);
            for (int i = 0; i < 3; i++)
                down[i] = up[i] * c + across[i] * s + axis[i] * along * (1 - c);
        }

        double[] Direction()
        {
            double[] v = { noise.Normal(), noise.Normal(), noise.Normal() };
            double length = Math.Sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            for (int i = 0; i < 3; i++)
                v[i] /= length;
            return v;
        }

        static double[] Cross(double[] a, double[] b) => new[]
        {
            a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
        };
    }
}
