using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A sensor that nobody wears: its samples are made from the states of the scene's
    /// <see cref="SimulatedPerson"/>, by the scenario's model of the sensor.</summary>
    public abstract class SimulatedSensor : SteadySensor
    {
        Signal signal;
        float[] values;

        /// <param name="channelName">Default of the channel's name.</param>
        /// <param name="rateHz">Default of the rate, samples per second.</param>
        /// <param name="delivery"><c>latest</c>, <c>queue N</c> or <c>reliable</c>.</param>
        protected SimulatedSensor(string channelName, double rateHz, string delivery = "queue 64")
            : base(channelName, rateHz, delivery)
        {
        }

        /// <summary>The scene's simulated person.</summary>
        /// <exception cref="InvalidOperationException">There is none.</exception>
        protected SimulatedPerson Person
        {
            get
            {
                var person = GetComponentInParent<SimulatedPerson>();
                if (!person)
                    throw new InvalidOperationException("sensor " + ChannelName
                        + ": put a SimulatedPerson on the headset connection's object");
                return person;
            }
        }

        /// <summary>The signal, by the scenario's model.</summary>
        protected abstract Signal Make(Scenario scenario, IStates states, Noise noise);

        /// <inheritdoc/>
        protected override void Begin()
        {
            SimulatedPerson person = Person;
            signal = Make(person.Scenario, person, person.NoiseOf(ChannelName));
            values = new float[signal.Width * (int)Math.Ceiling(RateHz / 2 + 1)];
        }

        /// <inheritdoc/>
        protected override bool Add(FrameBuilder frame, int n, long startUs, double periodUs, long first)
        {
            int width = signal.Width;
            for (int i = 0; i < n; i++)
                signal.Next((first + i) / RateHz, values, i * width);
            return Put(frame, values, n, startUs, periodUs, first);
        }

        /// <summary>Hand the numbers over.</summary>
        protected virtual bool Put(FrameBuilder frame, float[] values, int n, long startUs, double periodUs, long first) =>
            frame.Add(Channel, values, 0, n * signal.Width, n, startUs, periodUs, first);
    }
}
